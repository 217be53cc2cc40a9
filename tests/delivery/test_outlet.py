"""Delivery here or in a process of its own: who takes what, and when that changes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from postroom.config.delivery import Process
from postroom.delivery import outlet as outlets
from postroom.delivery.detached import Detached, NotStarted
from postroom.delivery.finisher import Finished, Finisher
from postroom.delivery.handover import Concluded
from postroom.delivery.outlet import MUCH, Outlet
from postroom.post.letter import Letter
from postroom.queue import claims
from postroom.queue.claims import LEASE_MS
from postroom.queue.rows import CLAIMED
from postroom.queue.settling import Outcome, Settled
from postroom.telemetry.events import DeliveryProcessFailed
from tests.conftest import Opener
from tests.delivery.station import Station, alone, station
from tests.delivery.test_express import B, made, nothing_waits, until
from tests.fakes import Recorder

NODE = 9


class Pretended(Detached):
    """No process: it takes messages and does nothing with them."""

    def __init__(self, here: Station, left: Callable[[int], None], *, starts: bool) -> None:
        super().__init__(
            here.config({}),
            here.services.troubles,
            here.clock,
            left=left,
            finish=self._finish_later,
        )
        self.gate = asyncio.Event()  # while it is not set, the disk is slow
        self.gate.set()
        self._finisher = Finisher(here.db, here.blobs, here.clock)
        self._here = here
        self._starts = starts
        self.has = list[Letter]()
        self.told = left
        self.stopped: list[float] = []

    async def _finish_later(self, results: Sequence[Finished]) -> None:
        await self.gate.wait()
        await self._finisher.finish(results)

    async def start(self) -> None:
        if not self._starts:
            raise NotStarted("no memory")
        lease, until = self._here.ids.next() & ~(255 << 13) | NODE << 13, self._here.clock()
        await self._here.db.write(lambda tx: claims.open_lease(tx, lease, "", until + LEASE_MS))
        self.lease, self.node = lease, NODE

    async def stop(self, seconds: float) -> bool:
        self.lease = None
        self.stopped.append(seconds)
        return not self.ended.is_set()

    def take(self, letter: Letter) -> None:
        self.has.append(letter)

    def die(self) -> None:
        self.lease = None
        self.ended.set()


class Delivery:
    """An outlet, and the processes that it has asked for."""

    def __init__(self, here: Station, rule: Process, starts: bool) -> None:
        self.processes: list[Pretended] = []

        def make(left: Callable[[int], None]) -> Detached:
            self.processes.append(Pretended(here, left, starts=starts))
            return self.processes[-1]

        self.outlet = Outlet(here.dispatcher, here.notify, make, rule, 3.0)


@contextlib.asynccontextmanager
async def delivery(here: Station, rule: Process, *, starts: bool = True) -> AsyncIterator[Delivery]:
    made = Delivery(here, rule, starts)
    here.post.express = made.outlet
    running = asyncio.create_task(made.outlet.run())
    await here.dispatcher.has_opened.wait()
    try:
        yield made
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await made.outlet.stop(5)
        here.start({})


def has(here: Station, found: Delivery, count: int) -> Callable[[], Awaitable[object]]:
    async def holds() -> bool:
        await here.leases()
        return len(found.processes) == count and found.processes[-1].lease is not None

    return holds


def test_a_process_takes_all_of_it_and_what_it_leaves_is_delivered_here(
    database: Opener, data: Path, events: Recorder
) -> None:
    async def run() -> None:
        async with station(database, data) as here, delivery(here, "always") as found:
            await until(has(here, found, 1))
            (process,) = found.processes
            for _ in range(2):
                await here.post.commit(await made(here, B))
            await here.send("queued@b.test")  # waits for somebody to claim it
            assert len(process.has) == 2
            assert [one.status for one in await here.waiting()] == [CLAIMED, CLAIMED, 0]
            late = found.outlet.admit(await made(here, "late@b.test"))
            process.die()
            await until(lambda: nothing_waits(here))
            assert len(here.sink.taken) >= 1
            assert sum(len(one.recipients) for one in here.sink.taken) == 4 - 1
            assert len(events.of(DeliveryProcessFailed)) == 1
            here.post.express = None
            await here.post.commit(late)  # under a lease that has ended
            found.outlet.take(late)
            await until(lambda: nothing_waits(here))
            assert here.sink.taken[-1].recipients == ["late@b.test"]

    asyncio.run(run())


def test_what_a_dead_process_had_concluded_is_not_sent_again(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with station(database, data) as here, delivery(here, "always") as found:
            await until(has(here, found, 1))
            (process,) = found.processes
            for _ in range(2):
                await here.post.commit(await made(here, B))
            [first, _] = process.has
            [one] = first.outgoing
            done = Outcome(one.number, one.lease or 0, one.destination, "done")
            process.gate.clear()
            process.hear(Concluded(1, (Finished(Settled(one.queued_id, (done,))),)))
            process.die()
            await here.leases()
            assert len(await here.waiting()) == 2
            process.gate.set()
            await until(lambda: nothing_waits(here))
            assert sum(len(one.recipients) for one in here.sink.taken) == 1

    asyncio.run(run())


def test_one_that_does_not_start_is_missed_by_nobody(data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with (
            station(alone(tmp_path), data) as here,
            delivery(here, "always", starts=False) as found,
        ):
            await here.post.commit(await made(here, B))
            await until(lambda: nothing_waits(here))
            assert len(found.processes) == 1  # and no other for a while
            assert len(here.sink.taken) == 1

    asyncio.run(run())


def test_it_comes_with_the_work_and_goes_with_it(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outlets, "IDLE_SECONDS", 0.05)

    async def run() -> None:
        async with station(alone(tmp_path), data) as here, delivery(here, "auto") as found:
            here.dispatcher.leaving(MUCH - 1)
            assert not found.processes
            here.dispatcher.leaving(1)
            await until(has(here, found, 1))
            (process,) = found.processes
            process.told(MUCH)  # busy yet
            await until(lambda: has_stopped(here, process))
            assert process.stopped == [3.0]
            await here.post.commit(await made(here, B))
            await until(lambda: nothing_waits(here))
            assert not process.has

    asyncio.run(run())


async def has_stopped(here: Station, process: Pretended) -> bool:
    await here.leases()
    return bool(process.stopped)


def test_the_end_of_the_server_is_that_of_the_process(data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            async with delivery(here, "always") as found:
                await until(has(here, found, 1))
            assert found.processes[0].stopped == [5]

    asyncio.run(run())
