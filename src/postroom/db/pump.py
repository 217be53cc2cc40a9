"""The thread that takes what waits: jobs in on the loop, batches out in the thread.

It never waits for a batch to fill, only for the loop to have gone round: what that brings, of
all connections that had something to say, and what came while a batch was written is the next
batch. To begin with the first job of a round would make two batches of one, and the two threads
would be in each other's way.
"""

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue

from postroom.db.jobs import Job, Lanes
from postroom.db.workers import Outcome, settle
from postroom.errors import StorageFailed

Work = Callable[[list[Job]], list[Outcome]]


class Pump:
    """One thread. ``work`` settles a batch; ``end`` runs last in the thread."""

    def __init__(self, name: str, work: Work, end: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._work = work
        self._end = end
        self._lanes = Lanes()
        self._wake: SimpleQueue[None] = SimpleQueue()  # lighter than an event
        self._closing = False
        self._is_roused = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def put(self, job: Job, *, bulk: bool = False) -> None:
        """Hand over; the job's future tells how it ended."""
        if self._closing:
            raise RuntimeError("the database is closed")
        self._lanes.put(job, bulk=bulk)
        self._rouse()

    async def close(self) -> None:
        """Finish what waits, then end."""
        self._closing = True
        self._wake.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        while not self._closing or self._lanes:
            self._wake.get()
            jobs = self._lanes.take()
            settle(self._loop, self._settled(jobs) if jobs else [], self._go_on)
            del jobs
            if self._closing:
                self._wake.put(None)
        self._end()

    def _rouse(self) -> None:
        """On the loop: begin with what waits when this round is over."""
        if self._lanes and not self._is_roused:
            self._is_roused = True
            self._loop.call_soon(self._wake.put, None)

    def _go_on(self) -> None:
        """On the loop: a batch is through, and those who waited for it are called already."""
        self._is_roused = False
        self._rouse()

    def _settled(self, jobs: list[Job]) -> list[Outcome]:
        try:
            return self._work(jobs)
        except BaseException as error:  # noqa: BLE001 - the thread must live on
            return all_failed(jobs, StorageFailed(detail=repr(error)))


def all_failed(jobs: list[Job], error: BaseException) -> list[Outcome]:
    """The same error for everybody."""
    return [Outcome(job.future, None, error) for job in jobs]
