"""What the owners were told of, and what they do not know yet."""

import asyncio

from postroom.db.database import Database
from postroom.ledger import alerts
from postroom.ledger.alerts import QUIET_MS, Changes, Told
from tests.conftest import Opener

QUEUE = Told("queue", "", "the oldest letter waits for 4 hours")
DISK = Told("disk", "a", "the disk is nearly full")


async def look(db: Database, now: int, *present: Told, machine: str = "a") -> Changes:
    """A round in which everybody is told."""
    found = await db.read(lambda tx: alerts.changes(tx, present, machine, now))
    await db.write(lambda tx: alerts.note(tx, present, found.over, now))
    return found


def test_it_begins_once_and_is_over_after_a_quiet_time(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            assert await look(db, 1, QUEUE) == Changes([QUEUE], [])
            later = Told("queue", "", "the oldest letter waits for 5 hours")
            assert await look(db, 2, later) == Changes([], [])
            assert await look(db, 1 + QUIET_MS) == Changes([], [])
            assert await look(db, 2 + QUIET_MS) == Changes([], [later])
            assert await look(db, 3 + QUIET_MS) == Changes([], [])
            assert await look(db, 4 + QUIET_MS, QUEUE) == Changes([QUEUE], [])

    asyncio.run(run())


def test_what_comes_back_in_the_quiet_time_was_never_over(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await look(db, 1, QUEUE)
            assert await look(db, QUIET_MS) == Changes([], [])
            assert await look(db, 1 + QUIET_MS, QUEUE) == Changes([], [])
            assert await look(db, 2 * QUIET_MS) == Changes([], [])

    asyncio.run(run())


def test_a_machine_says_nothing_of_the_disk_of_another(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await look(db, 1, DISK)
            late = 2 + QUIET_MS
            assert await look(db, late, machine="b") == Changes([], [])
            theirs = Told("disk", "b", "the disk is nearly full")
            assert await look(db, late, theirs, machine="b") == Changes([theirs], [])
            assert await look(db, late) == Changes([], [DISK])

    asyncio.run(run())
