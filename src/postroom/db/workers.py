"""A small, fixed set of threads, each with a resource of its own (a connection).

Lighter than ``run_in_executor``: one queue, one hop back to the loop a job. The resource
is opened when the first job comes, and anew after a job that it may have failed.
"""

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Generic, NamedTuple, TypeVar

ResourceT = TypeVar("ResourceT")
T = TypeVar("T")


class Outcome(NamedTuple):
    """How a job ended: ``error`` is None when ``result`` counts."""

    future: "asyncio.Future[Any]"
    result: Any
    error: BaseException | None


def settle(
    loop: asyncio.AbstractEventLoop,
    outcomes: list[Outcome],
    then: Callable[[], None] = lambda: None,
) -> None:
    """Resolve futures from a thread, all with one wake-up of the loop; ``then`` runs there."""
    try:
        loop.call_soon_threadsafe(_resolve, outcomes, then)
    except RuntimeError:  # the loop is closed: nobody waits any more
        return


def _resolve(outcomes: list[Outcome], then: Callable[[], None]) -> None:
    for future, result, error in outcomes:
        if future.done():
            continue
        if error is None:
            future.set_result(result)
        elif isinstance(error, StopIteration):  # a future refuses to carry it
            future.set_exception(RuntimeError("StopIteration"))
        else:
            future.set_exception(error)
    then()


class Workers(Generic[ResourceT]):
    """``count`` threads that run jobs with their own resource."""

    def __init__(
        self,
        name: str,
        count: int,
        make: Callable[[], ResourceT],
        drop: Callable[[ResourceT], None],
        *,
        spoils: Callable[[BaseException], bool] = lambda _error: False,
    ) -> None:
        """``spoils`` tells which errors of a job mean that its resource must be made anew."""
        self._loop = asyncio.get_running_loop()
        self._make = make
        self._drop = drop
        self._spoils = spoils
        self._jobs: SimpleQueue[tuple[Callable[[ResourceT], Any], asyncio.Future[Any]] | None] = (
            SimpleQueue()
        )
        self._closed = False
        self._threads = [
            threading.Thread(target=self._run, name=f"{name}-{number}", daemon=True)
            for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def run(self, job: Callable[[ResourceT], T]) -> "asyncio.Future[T]":
        """Hand a job over."""
        if self._closed:
            raise RuntimeError("the database is closed")
        future: asyncio.Future[T] = self._loop.create_future()
        self._jobs.put((job, future))
        return future

    async def close(self) -> None:
        """Finish what waits, then end the threads and drop their resources."""
        if self._closed:
            return
        self._closed = True
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            await asyncio.to_thread(thread.join)

    def _run(self) -> None:
        resource: ResourceT | None = None
        while (waiting := self._jobs.get()) is not None:
            job, future = waiting
            if future.cancelled():
                continue
            try:
                if resource is None:
                    resource = self._make()
                outcome = Outcome(future, job(resource), None)
            except BaseException as error:  # noqa: BLE001 - it belongs to the caller
                outcome = Outcome(future, None, error)
                if resource is not None and self._spoils(error):
                    self._drop(resource)
                    resource = None
            settle(self._loop, [outcome])
            del job, future, waiting, outcome
        if resource is not None:
            self._drop(resource)
