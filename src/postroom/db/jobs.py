"""What waits to be written, and how it is cut into batches and units.

A batch is what one COMMIT carries: whatever waits, at most 128 writes or 4 MB. A unit is
what one savepoint carries: one ``write``, or all items submitted for one batch function.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

from postroom.db.database import Tx

MOST_JOBS: Final = 128
MOST_OCTETS: Final = 4 * 1024 * 1024
_BULK_EVERY: Final = 8  # batches: so often bulk work comes through under full load

Batch = Callable[[Tx, Sequence[Any]], Sequence[Any]]


class Job:
    """One call of ``write`` (``fn``) or of ``submit`` (``batch`` and ``item``)."""

    __slots__ = ("batch", "fn", "future", "item", "size", "undo")

    def __init__(
        self,
        future: "asyncio.Future[Any]",
        *,
        fn: Callable[[Tx], Any] | None = None,
        batch: Batch | None = None,
        item: Any = None,
        size: int = 0,
        undo: Callable[[Tx], None] | None = None,
    ) -> None:
        self.future = future
        self.fn = fn
        self.batch = batch
        self.item = item
        self.size = size
        self.undo = undo


class Lanes:
    """The normal lane and the lower lane. ``put`` and ``take`` may be in two threads."""

    def __init__(self) -> None:
        self._normal: deque[Job] = deque()
        self._bulk: deque[Job] = deque()
        self._since_bulk = 0

    def put(self, job: Job, *, bulk: bool = False) -> None:
        (self._bulk if bulk else self._normal).append(job)

    def take(self) -> list[Job]:
        """The next batch: never waits, may be empty. At most one bulk job a batch."""
        jobs: list[Job] = []
        octets = 0
        normal = self._normal
        while normal and len(jobs) < MOST_JOBS and octets < MOST_OCTETS:
            job = normal.popleft()
            if job.future.cancelled():
                continue
            jobs.append(job)
            octets += job.size
        self._since_bulk += 1
        if self._bulk and (not jobs or self._since_bulk >= _BULK_EVERY):
            self._since_bulk = 0
            job = self._bulk.popleft()
            if not job.future.cancelled():
                jobs.append(job)
        return jobs

    def __len__(self) -> int:
        return len(self._normal) + len(self._bulk)


def units(jobs: Sequence[Job]) -> list[list[Job]]:
    """Group submitted jobs by their batch function, in order of first appearance."""
    found: list[list[Job]] = []
    groups: dict[Batch, list[Job]] = {}
    for job in jobs:
        if job.batch is None:
            found.append([job])
        elif (group := groups.get(job.batch)) is not None:
            group.append(job)
        else:
            groups[job.batch] = group = [job]
            found.append(group)
    return found


def run_unit(tx: Tx, unit: Sequence[Job]) -> list[Any]:
    """Run a unit's code: one result a job, or one exception in its place."""
    first = unit[0]
    if first.batch is None:
        if first.fn is None:
            raise ValueError("a job without code")
        return [first.fn(tx)]
    results = list(first.batch(tx, [job.item for job in unit]))
    if len(results) != len(unit):
        raise RuntimeError(f"{len(unit)} items, but {len(results)} results")
    return results
