"""The verdict on a way, and that nothing of it is forgotten."""

import asyncio

import pytest

from postroom.delivery.pace import Verdict
from postroom.delivery.trip import Trip


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        ([], "unused"),
        (["good"], "good"),
        (["good", "busy"], "busy"),
        (["busy", "good"], "busy"),
        (["dead", "good"], "dead"),
        (["good", "good", "dead"], "dead"),
        (["busy", "dead"], "dead"),
    ],
)
def test_a_trouble_counts_more_than_a_success(seen: list[Verdict], verdict: Verdict) -> None:
    trip = Trip()
    for one in seen:
        trip.saw(one, f"it was {one}")
    assert trip.verdict == verdict
    assert trip.reply == (f"it was {verdict}" if seen else "")


def test_settled_waits_for_all_of_them_and_only_once() -> None:
    async def run() -> None:
        trip, begin, written = Trip(), asyncio.Event(), []

        async def write(number: int) -> None:
            await begin.wait()
            written.append(number)

        await trip.settled()
        for number in range(3):
            trip.settle(asyncio.create_task(write(number)))
        waiting = asyncio.create_task(trip.settled())
        await asyncio.sleep(0)
        assert not waiting.done()
        begin.set()
        await waiting
        assert sorted(written) == [0, 1, 2]
        await trip.settled()

    asyncio.run(run())


def test_a_failure_is_raised_when_all_have_ended() -> None:
    async def run() -> None:
        trip, written = Trip(), []

        async def fail() -> None:
            raise OSError("the disk")

        async def write() -> None:
            for _ in range(5):
                await asyncio.sleep(0)
            written.append(1)

        trip.settle(asyncio.create_task(fail()))
        trip.settle(asyncio.create_task(write()))
        trip.settle(asyncio.create_task(fail()))
        with pytest.raises(OSError, match="the disk"):
            await trip.settled()
        assert written == [1]
        await trip.settled()

    asyncio.run(run())


def test_who_gives_up_waiting_stops_no_writing() -> None:
    async def run() -> None:
        trip, begin, written = Trip(), asyncio.Event(), []

        async def write() -> None:
            await begin.wait()
            written.append(1)

        trip.settle(asyncio.create_task(write()))
        waiting = asyncio.create_task(trip.settled())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        begin.set()
        await trip.settled()  # it is still known
        assert written == [1]

    asyncio.run(run())


def test_what_begins_meanwhile_is_for_the_next_time() -> None:
    async def run() -> None:
        trip, begin = Trip(), asyncio.Event()

        async def write() -> None:
            await begin.wait()

        trip.settle(asyncio.create_task(asyncio.sleep(0)))
        waiting = asyncio.create_task(trip.settled())
        await asyncio.sleep(0)
        late = asyncio.create_task(write())
        trip.settle(late)
        await waiting
        assert not late.done()
        begin.set()
        await trip.settled()
        assert late.done()

    asyncio.run(run())
