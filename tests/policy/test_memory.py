"""What the filter knows, at hand."""

import asyncio
from collections.abc import Awaitable, Callable

from postroom.db.database import Database, T, Tx
from postroom.policy import knowledge, memory
from postroom.policy.knowledge import EVERYBODY, Lesson
from postroom.policy.memory import FRESH_MS, Memory
from tests.conftest import Opener


class Counting:
    """A database that counts what is read."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.reads = 0

    async def read(self, fn: Callable[[Tx], T]) -> T:
        self.reads += 1
        return await self.db.read(fn)


class Clock:
    now = 1_000_000

    def __call__(self) -> int:
        return self.now


def run(database: Opener, work: Callable[[Counting, Memory, Clock], Awaitable[None]]) -> None:
    async def opened() -> None:
        async with database() as db:
            counting, clock = Counting(db), Clock()
            await work(counting, Memory(counting, clock), clock)  # type: ignore[arg-type]

    asyncio.run(opened())


async def learn(db: Database, scope: int, digest: bytes, *tokens: int) -> None:
    lesson = Lesson(digest * 16, tokens, is_spam=True)
    await db.write(lambda tx: knowledge.learn(tx, scope, lesson, 0))


def test_a_filter_that_knows_nothing_asks_hardly_ever(database: Opener) -> None:
    async def work(db: Counting, held: Memory, clock: Clock) -> None:
        for _ in range(5):
            known = await held.recall([1, 2], [7])
            assert not known.own
            assert not known.levels
            assert not known.everybody.counts
        assert db.reads == 1
        clock.now += FRESH_MS
        await held.recall([1, 2], [7])
        assert db.reads == 2

    run(database, work)


def test_tokens_are_remembered_until_something_is_learned(database: Opener) -> None:
    async def work(db: Counting, held: Memory, clock: Clock) -> None:
        await learn(db.db, EVERYBODY, b"1", 1, 2)
        known = await held.recall([1, 3], [])
        assert known.everybody.counts == {1: (1, 0, 0), 3: (0, 0, 0)}
        assert db.reads == 2
        assert await held.recall([1, 3], []) == known
        assert db.reads == 2
        assert (await held.recall([2], [])).everybody.counts == {2: (1, 0, 0)}
        assert db.reads == 3
        await learn(db.db, EVERYBODY, b"2", 1, 3)
        assert await held.recall([1, 3], []) == known
        clock.now += FRESH_MS
        again = await held.recall([1, 3], [])
        assert again.everybody.counts[3][0] == 1
        assert (again.everybody.spam, again.everybody.ham) == (2, 0)

    run(database, work)


def test_a_clock_that_is_set_back(database: Opener) -> None:
    async def work(db: Counting, held: Memory, clock: Clock) -> None:
        await held.recall([1], [])
        await learn(db.db, EVERYBODY, b"1", 1)
        clock.now -= 1_000
        assert (await held.recall([1], [])).everybody.spam == 1

    run(database, work)


def test_accounts_have_what_is_their_own(database: Opener) -> None:
    async def work(db: Counting, held: Memory, _clock: Clock) -> None:
        await learn(db.db, 7, b"1", 1)
        await db.db.write(lambda tx: knowledge.set_level(tx, 8, "off"))
        known = await held.recall([1, 2], [7, 8, 9])
        assert list(known.own) == [7]
        assert known.own[7].counts == {1: (1, 0, 0)}
        assert known.levels == {8: "off"}
        assert not known.everybody.counts

    run(database, work)


def test_what_is_remembered_is_bounded(database: Opener) -> None:
    async def work(db: Counting, held: Memory, _clock: Clock) -> None:
        await learn(db.db, EVERYBODY, b"1", 1)
        for first in range(0, memory.MAX_TOKENS + 30_000, 10_000):
            await held.recall(range(first, first + 10_000), [])
        assert len(held._counts) <= memory.MAX_TOKENS + 10_000

    run(database, work)
