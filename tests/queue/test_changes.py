"""Hold, release, remove."""

import asyncio
from pathlib import Path

from postroom.blobs.store import BlobStore
from postroom.db.ids import Ids
from postroom.queue import changes, listing
from postroom.queue.rows import HELD, WAITING
from tests.conftest import Opener
from tests.fakes import START, Clock
from tests.queue.letters import add, blobs, counted, letter, statuses

LETTERS = [letter(7, "b@other.test", "c@x.test"), letter(8, "d@other.test")]


def test_what_is_held_is_not_due_until_released(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await db.write(lambda tx: add(tx, LETTERS))
            held = await db.write(lambda tx: changes.hold(tx, [7, 99]))
            assert [(one.queued_id, one.recipient) for one in held] == [
                (7, "b@other.test"),
                (7, "c@x.test"),
            ]
            assert await db.read(statuses) == [(7, 0, HELD), (7, 1, HELD), (8, 0, WAITING)]
            assert await db.write(lambda tx: changes.hold(tx, [7])) == []
            await db.write(
                lambda tx: tx.execute("UPDATE destination SET ready_at = :at", at=START + 9)
            )
            released = await db.write(lambda tx: changes.release(tx, [7, 8]))
            assert [(one.queued_id, one.number) for one in released] == [(7, 0), (7, 1)]
            assert await db.read(statuses) == [(7, 0, 0), (7, 1, 0), (8, 0, 0)]
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
                lambda tx: tx.execute(
                    "UPDATE delivery SET status = 1 WHERE queued_id = 7 AND number = 0"
                )
            )
            held = await db.write(lambda tx: changes.hold(tx, [7]))
            assert [(one.queued_id, one.number) for one in held] == [(7, 1)]
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
            assert await db.read(statuses) == [(8, 0, WAITING)]
            refs = await db.read(
                lambda tx: tx.all("SELECT id, refs, freed_at FROM blob ORDER BY id")
            )
            assert refs == [(7, 0, START + 1), (8, 1, None)]
            assert await db.write(lambda tx: changes.remove(tx, store, [7], START + 1)) == []

    asyncio.run(run())


def test_what_is_retried_is_due_at_once_and_its_destination_too(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await db.write(lambda tx: add(tx, LETTERS))
            later = START + 99_000
            await db.write(lambda tx: changes.hold(tx, [8]))
            await db.write(
                lambda tx: tx.execute("UPDATE delivery SET next_attempt = :at", at=later)
            )
            await db.write(
                lambda tx: tx.execute(
                    "UPDATE destination SET ready_at = :at, paused_until = :at", at=later
                )
            )
            found = await db.write(lambda tx: changes.retry(tx, [8, 7, 99], START + 5))
            assert [(one.queued_id, one.number) for one in found] == [(7, 0), (7, 1)]
            shown = await db.read(lambda tx: listing.show(tx, 7))
            assert shown is not None
            assert {one.next_attempt for one in shown.deliveries} == {START + 5}
            ready = await db.read(
                lambda tx: tx.all("SELECT DISTINCT ready_at, paused_until FROM destination")
            )
            assert ready == [(START + 5, 0)]
            await db.read(counted)

    asyncio.run(run())


def test_what_is_rerouted_goes_another_way_at_once(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await db.write(lambda tx: add(tx, LETTERS))
            await db.write(lambda tx: changes.hold(tx, [8]))
            found = await db.write(lambda tx: changes.reroute(tx, [7, 8], "relay:x", START + 5))
            assert len(found) == 3
            shown = [await db.read(lambda tx, n=n: listing.show(tx, n)) for n in (7, 8)]  # type: ignore[misc]
            ways = [(d.route, d.status) for one in shown if one for d in one.deliveries]
            assert ways == [("relay:x", "waiting"), ("relay:x", "waiting"), ("relay:x", "held")]
            await db.write(lambda tx: changes.reroute(tx, [7], None, START + 6))
            one = await db.read(lambda tx: listing.show(tx, 7))
            assert one is not None
            assert [d.route for d in one.deliveries] == ["", ""]
            await db.read(counted)

    asyncio.run(run())
