"""Every open connection of the process: caps, deadlines, and an orderly end.

Deadlines are coarse on purpose: a door notes when its wait ends, and one timer for all
doors looks at them once a second. Nothing is armed or cancelled at each command.
"""

import asyncio
import itertools
import secrets
import time
from collections.abc import Callable, Collection
from typing import Final, Protocol

from postroom.listen.caps import Caps

TICK: Final = 1.0  # seconds between two looks at the deadlines
GRACE: Final = 2.0  # seconds that tasks get after their connections were cut
NEVER: Final = float("inf")


Owner = tuple[int, int]
"""The account that has logged in, and the credential it did so with."""


class Open(Protocol):
    """A door, as far as it concerns its neighbours."""

    deadline: float

    @property
    def task(self) -> "asyncio.Task[None] | None":
        """What serves the connection."""

    def expire(self) -> None:
        """The deadline has passed."""

    @property
    def owner(self) -> Owner | None:
        """Who has logged in."""

    def stop(self) -> None:
        """Finish what has begun, then go."""

    def expel(self) -> None:
        """The same, for the login has ended."""

    def abort(self) -> None:
        """Cut the connection."""


class Connections:
    """The doors that are open now. Used on one event loop; ends with ``drain``."""

    def __init__(
        self,
        caps: Caps,
        *,
        tick: float = TICK,
        grace: float = GRACE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``tick`` and ``grace`` are seconds; ``clock`` gives those of all deadlines."""
        self.caps = caps
        self.clock = clock
        self._grace = grace
        self._tick = tick
        self._doors: set[Open] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._empty: asyncio.Event | None = None
        self._prefix = secrets.token_hex(4)
        self._numbers = itertools.count(1)

    def __len__(self) -> int:
        return len(self._doors)

    def new_session(self) -> str:
        """An id for the log that no other session has."""
        return f"{self._prefix}-{next(self._numbers):x}"

    def add(self, door: Open) -> None:
        """A door opened."""
        self._doors.add(door)
        if self._timer is None:
            self._look_later()

    def remove(self, door: Open) -> None:
        """A door has closed and its task is done."""
        self._doors.discard(door)
        if not self._doors and self._empty is not None:
            self._empty.set()

    def owners(self) -> set[Owner]:
        """Everybody who is logged in."""
        return {door.owner for door in self._doors if door.owner is not None}

    def expel(self, owners: Collection[Owner]) -> None:
        """Their sessions end."""
        if owners:
            for door in [door for door in self._doors if door.owner in owners]:
                door.expel()

    async def drain(self, seconds: float) -> None:
        """Let every session finish what it has begun; cut what is left after ``seconds``.

        The listening sockets must be closed already.
        """
        for door in tuple(self._doors):
            door.stop()
        await self._emptied(seconds)
        for door in tuple(self._doors):
            door.abort()
        await self._emptied(self._grace)
        tasks = [door.task for door in self._doors if door.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._doors.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def _emptied(self, seconds: float) -> None:
        if not self._doors:
            return
        self._empty = asyncio.Event()
        try:
            async with asyncio.timeout(seconds):
                await self._empty.wait()
        except TimeoutError:
            pass
        finally:
            self._empty = None

    def _look_later(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._tick, self._look)

    def _look(self) -> None:
        now = self.clock()
        for door in [door for door in self._doors if door.deadline <= now]:
            door.expire()
        self._timer = None
        if self._doors:
            self._look_later()
