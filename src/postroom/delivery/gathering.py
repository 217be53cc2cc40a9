"""Ends of messages, gathered for a moment: each transaction costs a turn of the disk."""

import asyncio
from collections.abc import Sequence
from typing import Final

from postroom.delivery.finisher import Finish, Finished

GATHER_SECONDS: Final = 0.02


class Gathering:
    """One a process; used on one loop."""

    def __init__(self, finish: Finish) -> None:
        """``finish`` is given what has come within a moment."""
        self._finish = finish
        self._results: list[Finished] = []
        self._future: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._writing: set[asyncio.Task[None]] = set()

    def add(self, one: Finished) -> "asyncio.Future[None]":
        """Done when it is durable; shared with the others of its moment.

        It has an exception when one of them could not be written.
        """
        if self._future is None:
            loop = asyncio.get_running_loop()
            self._future = loop.create_future()
            self._timer = loop.call_later(GATHER_SECONDS, self._go)
        self._results.append(one)
        return self._future

    async def emptied(self, seconds: float) -> None:
        """Until all is durable, or so long."""
        if self._timer is not None:
            self._timer.cancel()
            self._go()
        if self._writing:
            await asyncio.wait(self._writing, timeout=seconds)

    def _go(self) -> None:
        results, self._results = self._results, []
        future, self._future, self._timer = self._future, None, None
        if future is not None:
            task = asyncio.get_running_loop().create_task(self._write(results, future))
            self._writing.add(task)
            task.add_done_callback(self._writing.discard)

    async def _write(self, results: Sequence[Finished], future: "asyncio.Future[None]") -> None:
        try:
            await self._finish(results)
        except Exception as error:  # noqa: BLE001 - it belongs to who waits
            future.set_exception(error)
            future.exception()  # seen: perhaps nobody waits any more
        else:
            future.set_result(None)
