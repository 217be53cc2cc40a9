"""The jobs that a server does on the side, for as long as it lives.

Each job looks after the troubles that it expects. What it does not expect, a fault of ours, is told
with where it comes from, and the job is begun again: otherwise certificates would not be renewed,
or no backups taken, until somebody restarts the server.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from postroom.telemetry.trouble import quietly

PAUSE: Final = 30.0  # seconds until a job that broke off is begun again

Job = Callable[[], Awaitable[None]]


class Supervisor:
    """``begin`` jobs, ``end`` them all."""

    def __init__(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """``sleep`` gets seconds."""
        self._sleep = sleep
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, name: str, job: Job) -> None:
        """Do it until ``end``, or until it returns; ``name`` is for the log."""
        task = asyncio.get_running_loop().create_task(self._keep(name, job))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def end(self) -> None:
        """Cancel all of them, and wait until each has tidied up."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep(self, name: str, job: Job) -> None:
        while not await quietly(name, job):
            await self._sleep(PAUSE)
