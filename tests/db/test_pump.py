"""The thread that takes what waits."""

import asyncio
import threading

import pytest

from postroom.db.jobs import Job
from postroom.db.pump import Pump, all_failed
from postroom.db.workers import Outcome
from postroom.errors import StorageFailed


def test_what_came_meanwhile_is_the_next_batch() -> None:
    batches: list[list[int]] = []
    gate, started = threading.Event(), threading.Event()

    def work(jobs: list[Job]) -> list[Outcome]:
        batches.append([job.item for job in jobs])
        started.set()
        assert gate.wait(60)
        return [Outcome(job.future, job.item, None) for job in jobs]

    async def go() -> None:
        ended: list[int] = []
        loop = asyncio.get_running_loop()
        pump = Pump("test", work, lambda: ended.append(1))
        futures: list[asyncio.Future[int]] = [loop.create_future() for _ in range(6)]
        pump.put(Job(futures[0], item=0))
        await asyncio.to_thread(started.wait, 10)
        for number in range(1, 6):
            pump.put(Job(futures[number], item=number))
        gate.set()
        assert await asyncio.gather(*futures) == list(range(6))
        await pump.close()
        assert ended == [1]
        with pytest.raises(RuntimeError, match="closed"):
            pump.put(Job(futures[0]))

    asyncio.run(go())
    assert batches == [[0], [1, 2, 3, 4, 5]]


def test_what_a_round_of_the_loop_brings_is_one_batch() -> None:
    batches: list[list[int]] = []

    def work(jobs: list[Job]) -> list[Outcome]:
        batches.append([job.item for job in jobs])
        return [Outcome(job.future, job.item, None) for job in jobs]

    async def client(pump: Pump, number: int) -> None:
        for item in (number, number + 10):
            future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            pump.put(Job(future, item=item))
            assert await future == item

    async def go() -> None:
        pump = Pump("test", work, lambda: None)
        await asyncio.gather(*[client(pump, number) for number in range(3)])
        await pump.close()

    asyncio.run(go())
    assert batches == [[0, 1, 2], [10, 11, 12]]


def test_a_batch_whose_callers_have_gone_stops_nobody() -> None:
    async def go() -> None:
        loop = asyncio.get_running_loop()
        pump = Pump(
            "test",
            lambda jobs: [Outcome(job.future, job.item, None) for job in jobs],
            lambda: None,
        )
        gone: asyncio.Future[int] = loop.create_future()
        pump.put(Job(gone, item=1))
        gone.cancel()
        for item in (2, 3):
            future: asyncio.Future[int] = loop.create_future()
            pump.put(Job(future, item=item))
            assert await future == item
        await pump.close()

    asyncio.run(go())


def test_what_waits_at_the_end_is_finished() -> None:
    async def go() -> None:
        loop = asyncio.get_running_loop()
        pump = Pump(
            "test",
            lambda jobs: [Outcome(job.future, job.item, None) for job in jobs],
            lambda: None,
        )
        futures: list[asyncio.Future[int]] = [loop.create_future() for _ in range(300)]
        for item, future in enumerate(futures):
            pump.put(Job(future, item=item))
        await pump.close()
        assert await asyncio.gather(*futures) == list(range(300))

    asyncio.run(go())


def test_work_that_raises_fails_its_batch_only() -> None:
    def work(jobs: list[Job]) -> list[Outcome]:
        if jobs[0].item == "bad":
            raise KeyError("bad")
        return all_failed(jobs, LookupError("good"))

    async def go() -> None:
        loop = asyncio.get_running_loop()
        pump = Pump("test", work, lambda: None)
        for item, error in (("bad", StorageFailed), ("good", LookupError)):
            future: asyncio.Future[int] = loop.create_future()
            pump.put(Job(future, item=item))
            with pytest.raises(error):
                await future
        await pump.close()

    asyncio.run(go())
