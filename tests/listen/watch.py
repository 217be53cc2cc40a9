"""The clock of connections, moved by hand: nobody is late because the machine is busy."""

import asyncio

from postroom.listen.connections import Connections, Owner


class Watch:
    """Seconds that pass only when they are told to, for the ``clock`` of ``Connections``."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    async def forward(self, seconds: float, connections: Connections) -> None:
        """So much later; returns when everybody whose deadline has passed was told."""
        self.now += seconds
        last = _Last(connections, self.now)
        connections.add(last)
        await last.expired.wait()


class _Last:
    """Is late at once, and so tells that the deadlines were looked at."""

    task: asyncio.Task[None] | None = None
    owner: Owner | None = None

    def __init__(self, connections: Connections, now: float) -> None:
        self.deadline = now
        self.expired = asyncio.Event()
        self._connections = connections

    def expire(self) -> None:
        self._connections.remove(self)
        self.expired.set()

    def stop(self) -> None:
        self.expire()

    def expel(self) -> None:
        """It has no login."""

    def abort(self) -> None:
        self.expire()
