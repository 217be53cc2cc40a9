"""The octets behind a place in a mailbox."""

import asyncio
from pathlib import Path

from postroom.store.locating import blob_at, message_at
from tests.conftest import Opener
from tests.intake.desk import desk, send


def test_a_message_is_found_until_it_goes(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await send(here.open(), "bob@local.test")
            row = await here.db.read(lambda tx: tx.one("SELECT id FROM blob"))
            assert row is not None
            assert await here.db.read(lambda tx: blob_at(tx, here.bob.id, 1)) == row[0]
            assert await here.db.read(lambda tx: blob_at(tx, here.bob.id, 2)) is None
            assert await here.db.read(lambda tx: blob_at(tx, here.alice.id, 1)) is None
            message = await here.db.read(lambda tx: tx.one("SELECT id FROM message"))
            assert message is not None
            found = await here.db.read(lambda tx: message_at(tx, here.bob.id, 1))
            assert found == (here.bob.id, message[0])
            assert await here.db.read(lambda tx: message_at(tx, here.bob.id, 2)) is None

    asyncio.run(run())
