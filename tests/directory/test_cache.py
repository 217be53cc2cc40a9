import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

from postroom.db.database import Tx
from postroom.directory.cache import Cache
from postroom.directory.freshness import CHECK_MS
from tests.directory.town import Counted, Town, Towns

T = TypeVar("T")


def names(tx: Tx, search: str) -> tuple[str, ...]:
    rows = tx.all("SELECT name FROM domain WHERE name <> :search ORDER BY name", search=search)
    return tuple(row[0] for row in rows)


def cached(town: Town) -> tuple[Cache[str, tuple[str, ...]], Counted]:
    db = Counted(town.db)
    return Cache(db, town.clock, names), db


def test_a_value_is_read_once(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("a.test")
            values, db = cached(t)
            first = await values.get("")
            assert first == ("a.test",)
            reads = db.reads
            for _ in range(10):
                assert await values.get("") is first
            assert db.reads == reads
            assert await values.get("a.test") == ()
            assert db.reads == reads + 1

    asyncio.run(run())


def test_a_change_elsewhere_counts_after_a_hint_or_a_second(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            values, _ = cached(t)
            assert await values.get("") == ()
            await t.domain("a.test")
            assert await values.get("") == ()  # no hint came
            values.hint()
            assert await values.get("") == ("a.test",)
            await t.domain("b.test")
            t.clock.advance(CHECK_MS - 1)
            assert await values.get("") == ("a.test",)
            t.clock.advance(1)
            assert await values.get("") == ("a.test", "b.test")

    asyncio.run(run())


def test_an_unchanged_directory_keeps_its_values(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            values, db = cached(t)
            first = await values.get("")
            t.clock.advance(CHECK_MS)
            reads = db.reads
            assert await values.get("") is first
            assert db.reads == reads + 1  # the version row only

    asyncio.run(run())


def test_all_who_ask_for_the_same_wait_for_one_read(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("a.test")
            values, db = cached(t)
            answers = await asyncio.gather(*(values.get("") for _ in range(50)))
            assert set(answers) == {("a.test",)}
            assert db.reads == 2  # the version, the value

    asyncio.run(run())


def test_a_read_that_fails_is_tried_again(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            failing = True

            def read(tx: Tx, key: str) -> tuple[str, ...]:
                if failing:
                    raise ValueError
                return names(tx, key)

            values = Cache[str, tuple[str, ...]](t.db, t.clock, read)
            for _ in range(2):
                try:
                    await values.get("")
                except ValueError:
                    continue
                raise AssertionError
            failing = False
            assert await values.get("") == ()

    asyncio.run(run())


def test_a_value_older_than_the_version_is_not_remembered(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:

            class Slow(Counted):
                async def read(self, fn: Callable[[Tx], T]) -> T:
                    result = await super().read(fn)
                    if self.reads == 2:  # the value is read: now it changes
                        await t.domain("a.test")
                        values.hint()
                    return result

            values = Cache(Slow(t.db), t.clock, names)
            assert await values.get("") == ()
            assert await values.get("") == ("a.test",)

    asyncio.run(run())


def test_memory_is_bounded(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            values = Cache[str, tuple[str, ...]](Counted(t.db), t.clock, names, most=3)
            for number in range(10):
                assert await values.get(str(number)) == ()
            assert list(values._values) == ["7", "8", "9"]

    asyncio.run(run())


def test_a_remembered_value_costs_next_to_nothing(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            values, _ = cached(t)
            await values.get("")
            best = 1.0
            for _ in range(20):
                start = time.process_time()
                for _ in range(200):
                    await values.get("")
                best = min(best, (time.process_time() - start) / 200)
            assert best < 20e-6  # about 1 µs; ten times that would still be a fault

    asyncio.run(run())


def test_the_oldest_go_when_values_weigh_too_much(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            db = Counted(t.db)
            values = Cache[int, int](db, t.clock, lambda _, key: key, most=10, weigh=int)
            for key in (4, 5, 6):
                assert await values.get(key) == key
            assert list(values._values) == [6]
            assert await values.get(4) == 4
            assert list(values._values) == [6, 4]
            assert await values.get(50) == 50
            assert list(values._values) == [50]

    asyncio.run(run())
