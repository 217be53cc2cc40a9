"""When the version row is read again, and what is forgotten then."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from postroom.db.database import Tx
from postroom.directory import version
from postroom.directory.freshness import CHECK_MS, Freshness
from tests.directory.town import Counted, Town, Towns

T = TypeVar("T")


class Memory:
    """A cache that counts how often it was emptied."""

    def __init__(self, town: Town) -> None:
        self.db = Counted(town.db)
        self.forgotten = 0
        self.freshness = Freshness(self.db, town.clock, self._forget)

    def _forget(self) -> None:
        self.forgotten += 1


def test_the_version_row_is_read_once_a_second(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            memory = Memory(t)
            for _ in range(10):
                await memory.freshness.check()
            assert memory.db.reads == 1
            t.clock.advance(CHECK_MS - 1)
            await memory.freshness.check()
            assert memory.db.reads == 1
            t.clock.advance(1)
            await memory.freshness.check()
            assert memory.db.reads == 2

    asyncio.run(run())


def test_only_a_change_makes_it_forget(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("a.test")
            memory = Memory(t)
            await memory.freshness.check()
            before = memory.forgotten
            memory.freshness.hint()
            await memory.freshness.check()
            assert memory.forgotten == before
            await t.domain("b.test")
            await memory.freshness.check()  # no hint came
            assert memory.forgotten == before
            t.clock.advance(CHECK_MS)
            await memory.freshness.check()
            assert memory.forgotten == before + 1

    asyncio.run(run())


def test_a_clock_that_goes_back_leads_to_a_look(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            memory = Memory(t)
            await memory.freshness.check()
            t.clock.advance(days=-1)
            await memory.freshness.check()
            assert memory.db.reads == 2

    asyncio.run(run())


def test_all_who_ask_at_once_wait_for_one_look(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            memory = Memory(t)
            await asyncio.gather(*(memory.freshness.check() for _ in range(50)))
            assert memory.db.reads == 1

    asyncio.run(run())


def test_a_hint_during_the_look_is_not_lost(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            memory = Memory(t)

            class Late(Counted):
                async def read(self, fn: Callable[[Tx], T]) -> T:
                    result = await super().read(fn)
                    if self.reads == 1:  # the version was read: now it changes
                        await t.domain("a.test")
                        freshness.hint()
                    return result

            freshness = Freshness(Late(t.db), t.clock, memory._forget)
            await freshness.check()
            before = memory.forgotten
            await freshness.check()
            assert memory.forgotten == before + 1

    asyncio.run(run())


def test_a_look_that_fails_is_made_again(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:

            class Failing(Counted):
                async def read(self, fn: Callable[[Tx], T]) -> T:
                    result = await super().read(fn)
                    if self.reads == 1:
                        raise OSError
                    return result

            db = Failing(t.db)
            freshness = Freshness(db, t.clock, Memory(t)._forget)
            results = await asyncio.gather(
                freshness.check(), freshness.check(), return_exceptions=True
            )
            assert [type(result) for result in results] == [OSError, type(None)]
            assert db.reads == 2

    asyncio.run(run())


def test_what_was_read_in_an_older_version_may_not_be_remembered(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            memory = Memory(t)
            old = await t.db.read(version.read)
            await t.domain("a.test")
            new = await t.db.read(version.read)
            assert memory.freshness.reached(old)
            assert memory.freshness.reached(new)
            forgotten = memory.forgotten
            assert not memory.freshness.reached(old)
            assert memory.freshness.reached(new)
            assert memory.forgotten == forgotten

    asyncio.run(run())
