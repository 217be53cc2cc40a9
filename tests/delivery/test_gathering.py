"""Ends of messages, gathered for a moment."""

import asyncio
from collections.abc import Sequence

import pytest

from postroom.delivery.finisher import Finished
from postroom.delivery.gathering import Gathering
from postroom.queue.settling import Settled
from tests.loop import patiently

ENDS = [Finished(Settled(number, ())) for number in range(5)]


class Book:
    """Remembers what was written together; ``gate`` holds it up, ``failure`` is what it raises."""

    def __init__(self) -> None:
        self.written: list[list[Finished]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.has_begun = asyncio.Event()
        self.failure: Exception | None = None

    async def finish(self, results: Sequence[Finished]) -> None:
        self.has_begun.set()
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        self.written.append(list(results))


def test_what_comes_within_a_moment_is_durable_together() -> None:
    async def run() -> None:
        book = Book()
        gathering = Gathering(book.finish)
        futures = {gathering.add(one) for one in ENDS[:4]}
        assert len(futures) == 1
        await futures.pop()
        assert book.written == [ENDS[:4]]
        await gathering.add(ENDS[4])
        assert book.written == [ENDS[:4], ENDS[4:]]

    patiently(run())


def test_what_waits_does_not_hold_up_what_comes() -> None:
    async def run() -> None:
        book = Book()
        gathering = Gathering(book.finish)
        book.gate.clear()
        first = gathering.add(ENDS[0])
        await book.has_begun.wait()
        second = gathering.add(ENDS[1])
        assert second is not first
        assert not first.done()
        book.gate.set()
        await asyncio.gather(first, second)
        assert book.written == [ENDS[:1], ENDS[1:2]]

    patiently(run())


def test_a_failure_is_told_to_who_waits() -> None:
    async def run() -> None:
        book = Book()
        book.failure = ValueError("odd")
        with pytest.raises(ValueError, match="odd"):
            await Gathering(book.finish).add(ENDS[0])

    patiently(run())


def test_it_is_emptied_at_once_but_not_for_ever() -> None:
    async def run() -> None:
        book = Book()
        gathering = Gathering(book.finish)
        await gathering.emptied(0)  # nothing waits
        future = gathering.add(ENDS[0])
        await gathering.emptied(60)
        assert future.done()
        book.gate.clear()
        late = gathering.add(ENDS[1])
        await gathering.emptied(0)
        assert not late.done()
        book.gate.set()
        await late
        assert book.written == [ENDS[:1], ENDS[1:2]]

    patiently(run())
