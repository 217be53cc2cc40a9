"""What a dead server had claimed is due again once the next one starts on its data folder."""

import asyncio
from pathlib import Path

from postroom.db.database import Database
from postroom.db.ids import Ids
from postroom.db.node import CARRIER_NOTE, LEASE_MS, NOTE, Node, noted
from postroom.queue import claims
from postroom.queue.inheritance import give_back
from tests.conftest import Opener
from tests.fakes import START, Clock
from tests.queue.letters import add, letter


async def claimed(db: Database) -> int:
    """How many deliveries somebody has."""
    rows = await db.read(
        lambda tx: tx.all("SELECT lease FROM delivery WHERE status = 1 AND lease IS NOT NULL")
    )
    return len(rows)


async def killed(db: Database, note: Path) -> int:
    """A process that claims a letter and dies; the number it had."""
    ids = Ids(Clock(START))
    lease = await Node(db, ids, note).take()
    found = await db.write(lambda tx: claims.claim(tx, [ids.next()], START, 1))
    assert found
    return lease.number


def test_the_claims_of_server_and_delivery_process_are_given_back(
    database: Opener, tmp_path: Path
) -> None:
    async def run() -> None:
        async with database() as db:
            await db.write(lambda tx: add(tx, [letter(7), letter(8, "x@x.test"), letter(9)]))
            numbers = [await killed(db, tmp_path / name) for name in (NOTE, CARRIER_NOTE)]
            assert numbers == [0, 1]
            assert (tmp_path / NOTE).stat().st_mode & 0o777 == 0o600
            assert await claimed(db) == 2
            await give_back(db, tmp_path, Clock(START))
            assert await claimed(db) == 0
            assert await db.read(lambda tx: tx.all("SELECT id FROM lease")) == []

    asyncio.run(run())


def test_other_servers_keep_what_they_have(database: Opener, tmp_path: Path) -> None:
    """Also one that has taken the number since."""

    async def run() -> None:
        async with database() as db:
            await db.write(lambda tx: add(tx, [letter(7), letter(8, "x@x.test")]))
            mine, its = tmp_path / "mine", tmp_path / "its"
            for folder in (mine, its):
                folder.mkdir()
            assert await killed(db, mine / NOTE) == 0
            assert await killed(db, its / NOTE) == 1
            await give_back(db, mine, Clock(START))
            assert await claimed(db) == 1
            await db.write(lambda tx: tx.execute("UPDATE node SET until = 0"))
            taken = await Node(db, Ids(Clock(START + LEASE_MS)), its / CARRIER_NOTE).take()
            assert taken.number == 0
            await db.write(lambda tx: claims.claim(tx, [5 << 21 | 1], START, 1))
            before = await claimed(db)
            await give_back(db, mine, Clock(START))
            assert await claimed(db) == before == 2

    asyncio.run(run())


def test_without_a_note_that_can_be_read_all_is_left(database: Opener, tmp_path: Path) -> None:
    async def run() -> None:
        async with database() as db:
            await db.write(lambda tx: add(tx, [letter(7)]))
            await killed(db, tmp_path / NOTE)
            for octets in (b"", b"0", b"0 x\n", b"7 1\n"):
                (tmp_path / NOTE).write_bytes(octets)
                await give_back(db, tmp_path, Clock(START))
                assert await claimed(db) == 1
            (tmp_path / NOTE).unlink()
            await give_back(db, tmp_path, Clock(START))
            assert (noted(tmp_path / NOTE), await claimed(db)) == (None, 1)

    asyncio.run(run())
