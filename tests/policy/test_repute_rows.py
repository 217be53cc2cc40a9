"""What senders are worth, as rows; on both engines."""

import asyncio
from collections.abc import Awaitable, Callable

from postroom.db.database import Database, Row
from postroom.policy import repute_rows as rows
from postroom.policy.repute_rows import DAY_MS, HALF_LIFE, KEPT_DAYS, Letters
from tests.conftest import Opener

NOW = 20_000 * DAY_MS
BIG = (1 << 63) - 1


def run(database: Opener, work: Callable[[Database], Awaitable[None]]) -> None:
    async def opened() -> None:
        async with database() as db:
            await work(db)

    asyncio.run(opened())


def test_letters_add_up_and_fade(database: Opener) -> None:
    async def work(db: Database) -> None:
        await db.write(lambda tx: rows.add(tx, {1: (4, 0), BIG: (0, 1)}, NOW))
        await db.write(lambda tx: rows.add(tx, {1: (0, 2)}, NOW))
        found = await db.read(lambda tx: rows.letters(tx, [1, 2, BIG], NOW))
        assert found == {1: Letters(4, 2), BIG: Letters(0, 1)}
        later = NOW + HALF_LIFE * DAY_MS
        assert (await db.read(lambda tx: rows.letters(tx, [1], later)))[1] == Letters(2, 1)
        await db.write(lambda tx: rows.add(tx, {1: (1, 0)}, later))
        assert (await db.read(lambda tx: rows.letters(tx, [1], later)))[1] == Letters(3, 1)
        before = await db.read(lambda tx: rows.letters(tx, [1], NOW))  # a clock set back
        assert before[1] == Letters(3, 1)

    run(database, work)


def test_people_that_accounts_have_written_to(database: Opener) -> None:
    async def work(db: Database) -> None:
        for _ in range(2):
            await db.write(lambda tx: rows.know(tx, {(7, 1), (8, 1), (7, 2)}, NOW))
        assert sorted(await db.read(lambda tx: rows.who_knows(tx, 1, [7, 8, 9]))) == [7, 8]
        assert await db.read(lambda tx: rows.who_knows(tx, 1, [9])) == []
        await db.write(lambda tx: rows.forget(tx, 7))
        assert await db.read(lambda tx: rows.who_knows(tx, 1, [7, 8])) == [8]

    run(database, work)


async def old(db: Database, days: int) -> tuple[list[Row], list[Row]]:
    now = NOW + days * DAY_MS
    return (
        await db.read(lambda tx: rows.old_senders(tx, now)),
        await db.read(lambda tx: rows.old_people(tx, now)),
    )


def test_what_is_old_goes(database: Opener) -> None:
    async def work(db: Database) -> None:
        await db.write(lambda tx: rows.add(tx, {1: (1, 0), 2: (9, 0)}, NOW))
        await db.write(lambda tx: rows.know(tx, {(7, 1)}, NOW))
        assert await old(db, 14) == ([], [])
        few, nobody = await old(db, 15)
        assert ([row[0] for row in few], nobody) == ([1], [])
        assert [row[0] for row in (await old(db, KEPT_DAYS + 1))[0]] == [1, 2]
        senders, people = await old(db, 800)
        assert [row[:2] for row in people] == [(7, 1)]
        await db.write(lambda tx: rows.drop_people(tx, people))
        await db.write(lambda tx: rows.add(tx, {2: (1, 0)}, NOW + DAY_MS))  # it has written again
        await db.write(lambda tx: rows.drop_senders(tx, senders))
        assert list(await db.read(lambda tx: rows.letters(tx, [1, 2], NOW))) == [2]
        assert await db.read(lambda tx: rows.who_knows(tx, 1, [7])) == []

    run(database, work)


def test_two_servers_add_at_the_same_time(database: Opener) -> None:
    async def work(db: Database) -> None:
        await asyncio.gather(
            *(db.write(lambda tx: rows.add(tx, {1: (1, 0), 2: (0, 1)}, NOW)) for _ in range(10))
        )
        found = await db.read(lambda tx: rows.letters(tx, [1, 2], NOW))
        assert found == {1: Letters(10, 0), 2: Letters(0, 10)}

    run(database, work)
