"""Whether what is remembered of the directory is still true.

What a cache remembers holds for the version of the directory it was read in. The version row is
read again after a hint and after a second, so a change in another process counts within a second
even when its hint is lost.
"""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol, TypeVar

from postroom.db.database import Tx
from postroom.directory import version

CHECK_MS: Final = 1000

T = TypeVar("T")


class Reader(Protocol):
    """What is needed of a database."""

    async def read(self, fn: Callable[[Tx], T]) -> T:
        """Run ``fn`` in a read transaction."""


class Freshness:
    """The version a cache stands at. Used on one event loop."""

    def __init__(self, db: Reader, clock: Callable[[], int], forget: Callable[[], None]) -> None:
        """``clock`` is UTC milliseconds; ``forget`` empties the cache when the version rises."""
        self._db = db
        self._clock = clock
        self._forget = forget
        self._version = 0
        self._checked = 0
        self._fresh_until = 0
        self._hints = 0
        self._lock = asyncio.Lock()

    def hint(self) -> None:
        """The directory may have changed: look at the version at the next check."""
        self._hints += 1
        self._fresh_until = 0

    @property
    def is_checked(self) -> bool:
        """An answer from memory may be given at once, without ``check``."""
        return self._checked <= self._clock() < self._fresh_until

    async def check(self) -> None:
        """Before an answer from memory: forget what a change has ended."""
        if self.is_checked:
            return
        async with self._lock:
            now = self._clock()
            if self._is_fresh(now):
                return  # someone else has just looked
            hints = self._hints
            self.reached(await self._db.read(version.read))
            if hints == self._hints:
                self._checked, self._fresh_until = now, now + CHECK_MS

    def reached(self, number: int) -> bool:
        """Whether what was read in version ``number`` may be remembered.

        The version must have been read first, so that nothing read after it is older.
        """
        if number > self._version:
            self._version = number
            self._forget()
        return number == self._version

    def _is_fresh(self, now: int) -> bool:
        return self._checked <= now < self._fresh_until
