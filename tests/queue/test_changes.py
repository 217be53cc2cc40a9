"""Hold, release, remove."""

import asyncio
from pathlib import Path

from postroom.blobs.store import BlobStore
from postroom.db.database import Tx
from postroom.db.ids import Ids
from postroom.queue import changes, listing
from postroom.queue.rows import HELD, WAITING
from tests.conftest import Opener
from tests.fakes import START, Clock
from tests.queue.letters import add, blobs, counted, letter

LETTERS = [letter(7, "b@other.test", "c@x.test"), letter(8, "d@other.test")]


def statuses(tx: Tx) -> list[tuple[int, int]]:
    return [tuple(row) for row in tx.all("SELECT id, status FROM delivery ORDER BY id")]


def test_what_is_held_is_not_due_until_released(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await db.write(lambda tx: add(tx, LETTERS))
            held = await db.write(lambda tx: changes.hold(tx, [7, 99]))
            assert [(one.queued_id, one.recipient) for one in held] == [
                (7, "b@other.test"),
                (7, "c@x.test"),
            ]
            assert await db.read(statuses) == [(7000, HELD), (7001, HELD), (8000, WAITING)]
            assert await db.write(lambda tx: changes.hold(tx, [7])) == []
            await db.write(
                lambda tx: tx.execute("UPDATE destination SET ready_at = :at", at=START + 9)
            )
            released = await db.write(lambda tx: changes.release(tx, [7, 8]))
            assert [one.delivery_id for one in released] == [7000, 7001]
            assert await db.read(statuses) == [(7000, 0), (7001, 0), (8000, 0)]
            ready = await db.read(lambda tx: tx.all("SELECT DISTINCT ready_at FROM destination"))
            assert ready == [(START,)]
            shown = await db.read(lambda tx: listing.show(tx, 7))
            assert shown is not None
            assert not shown.held
            await db.read(counted)

    asyncio.run(run())


def test_a_delivery_that_is_being_tried_is_left_to_its_worker(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await db.write(lambda tx: add(tx, LETTERS))
            await db.write(
                lambda tx: tx.execute("UPDATE delivery SET status = 1 WHERE id = :id", id=7000)
            )
            held = await db.write(lambda tx: changes.hold(tx, [7]))
            assert [one.delivery_id for one in held] == [7001]
            shown = await db.read(lambda tx: listing.show(tx, 7))
            assert shown is not None
            assert shown.held
            assert [one.status for one in shown.deliveries] == ["claimed", "held"]

    asyncio.run(run())


def test_what_is_removed_leaves_nothing_and_frees_its_blob(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with database() as db:
            store = BlobStore(data, db.engine, Ids(Clock()))
            await db.write(lambda tx: blobs(tx, LETTERS))
            await db.write(lambda tx: add(tx, LETTERS))
            gone = await db.write(lambda tx: changes.remove(tx, store, [7, 99], START + 1))
            assert [one.recipient for one in gone] == ["b@other.test", "c@x.test"]
            await db.read(counted)
            assert await db.read(lambda tx: listing.show(tx, 7)) is None
            assert await db.read(statuses) == [(8000, WAITING)]
            refs = await db.read(
                lambda tx: tx.all("SELECT id, refs, freed_at FROM blob ORDER BY id")
            )
            assert refs == [(7, 0, START + 1), (8, 1, None)]
            assert await db.write(lambda tx: changes.remove(tx, store, [7], START + 1)) == []

    asyncio.run(run())
