import asyncio
from collections.abc import Callable
from typing import TypeVar

from postroom.db.database import Tx
from postroom.directory import expand
from postroom.directory.freshness import CHECK_MS
from postroom.directory.resolver import MAX_WEIGHT, Resolver
from tests.directory.town import Counted, Town, Towns, at

T = TypeVar("T")


def resolver(town: Town) -> tuple[Resolver, Counted]:
    db = Counted(town.db)
    return Resolver(db, town.clock), db


def test_an_answer_is_remembered(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.account("alice@demo.test")
            cached, db = resolver(t)
            first = await cached.resolve(at("alice@demo.test"))
            reads = db.reads
            for _ in range(10):
                assert await cached.resolve(at("alice@demo.test")) is first
            assert (await cached.resolve_postmaster()).needs_holding
            assert db.reads == reads + 1

    asyncio.run(run())


def test_a_change_elsewhere_counts_after_a_hint_or_a_second(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            cached, _ = resolver(t)
            alice = at("alice@demo.test")
            assert (await cached.resolve(alice)).kind == "unknown"
            await t.account("alice@demo.test")
            assert (await cached.resolve(alice)).kind == "unknown"  # no hint came
            cached.hint()
            assert (await cached.resolve(alice)).kind == "found"
            await t.disable("alice@demo.test")
            t.clock.advance(CHECK_MS - 1)
            assert (await cached.resolve(alice)).kind == "found"
            t.clock.advance(1)
            assert (await cached.resolve(alice)).kind == "disabled"

    asyncio.run(run())


def test_an_unchanged_directory_keeps_its_answers(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            cached, db = resolver(t)
            first = await cached.resolve(at("alice@demo.test"))
            t.clock.advance(CHECK_MS)
            reads = db.reads
            assert await cached.resolve(at("alice@demo.test")) is first
            assert db.reads == reads + 1  # the version row only

    asyncio.run(run())


def test_an_answer_older_than_the_version_is_not_remembered(town: Towns) -> None:
    """A slow read must not bring back what a change has just ended."""

    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            alice = at("alice@demo.test")

            class Slow(Counted):
                async def read(self, fn: Callable[[Tx], T]) -> T:
                    result = await super().read(fn)
                    if self.reads == 2:  # the answer is read: now it changes
                        await t.account("alice@demo.test")
                        cached.hint()
                        assert (await cached.resolve(alice)).kind == "found"
                    return result

            cached = Resolver(Slow(t.db), t.clock)
            assert (await cached.resolve(alice)).kind == "unknown"
            assert (await cached.resolve(alice)).kind == "found"

    asyncio.run(run())


def test_memory_is_bounded_and_what_is_used_stays(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            cached, db = resolver(t)
            hot = await cached.resolve(at("hot@demo.test"))
            for number in range(3 * MAX_WEIGHT):
                cached._put((f"u{number}", "demo.test"), expand.Resolution("unknown"))
                if number % (MAX_WEIGHT // 2) == 0:
                    assert await cached.resolve(at("hot@demo.test")) is hot
            assert len(cached._young) + len(cached._old) <= 2 * MAX_WEIGHT
            assert db.reads == 2
            await cached.resolve(at("gone@demo.test"))
            assert db.reads == 3

    asyncio.run(run())
