import asyncio

from postroom.db.database import Tx
from postroom.directory import version
from tests.conftest import Opener


def test_a_bump_makes_the_number_rise_by_one(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            before = await db.read(version.read)
            await db.write(version.bump)
            assert await db.read(version.read) == before + 1

    asyncio.run(run())


def test_a_bump_belongs_to_its_transaction(database: Opener) -> None:
    def write(tx: Tx) -> None:
        version.bump(tx)
        raise LookupError

    async def run() -> None:
        async with database() as db:
            before = await db.read(version.read)
            try:
                await db.write(write)
            except LookupError:
                pass
            assert await db.read(version.read) == before

    asyncio.run(run())
