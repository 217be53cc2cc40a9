import asyncio
from collections.abc import Callable

from postroom.db.database import Tx
from postroom.policy import greylist_rows
from postroom.policy.greylist import REMEMBER, WINDOW, Entry
from tests.conftest import Opener

WAITS = Entry("a" * 32, 1000, 1000)
PASSED = Entry("b" * 32, 1000, 2000, True)


def test_entries_are_found_by_who_they_are(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await db.write(lambda tx: greylist_rows.put(tx, [WAITS, PASSED]))
            found = await db.read(lambda tx: greylist_rows.find(tx, [WAITS.who, "c", PASSED.who]))
            assert found == [WAITS, PASSED]
            assert await db.read(lambda tx: greylist_rows.find(tx, [])) == []

    asyncio.run(run())


def test_one_that_has_passed_stays_so(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            behind = Entry(PASSED.who, 3000, 3000)
            again = Entry(PASSED.who, 1000, 4000, True)
            later = Entry(WAITS.who, 5000, 5000)
            await db.write(lambda tx: greylist_rows.put(tx, [WAITS, PASSED]))
            await db.write(lambda tx: greylist_rows.put(tx, [behind, later]))
            assert await db.read(lambda tx: greylist_rows.find(tx, [PASSED.who, WAITS.who])) == [
                PASSED,
                later,
            ]
            await db.write(lambda tx: greylist_rows.put(tx, [again]))
            assert await db.read(lambda tx: greylist_rows.find(tx, [PASSED.who])) == [again]

    asyncio.run(run())


def test_what_counts_no_more_is_forgotten(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await db.write(lambda tx: greylist_rows.put(tx, [WAITS, PASSED]))
            for now, gone in ((1000 + WINDOW, 0), (1001 + WINDOW, 1), (2000 + REMEMBER, 0)):
                assert await db.write(_purge(now)) == gone
            assert await db.write(_purge(2001 + REMEMBER)) == 1

    asyncio.run(run())


def _purge(now: int) -> Callable[[Tx], int]:
    return lambda tx: greylist_rows.purge(tx, now)
