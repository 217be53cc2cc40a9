"""What a server remembers of the directory: values read once a version.

A value is remembered under the version of the directory it was read in. The version row is
read again after a hint and after a second, so a change in another process counts within a
second even when its hint is lost. Every value goes when the version rises. (``resolver``
keeps answers for strangers' questions, and bounds its memory in its own way.)
"""

import asyncio
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from postroom.db.database import Tx
from postroom.directory import version
from postroom.directory.resolver import CHECK_MS, Reader

MAX_VALUES: Final = 10_000

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")


class Cache(Generic[KeyT, ValueT]):
    """Values by key. Used on one event loop."""

    def __init__(
        self, db: Reader, clock: Callable[[], int], read: Callable[[Tx, KeyT], ValueT]
    ) -> None:
        """``clock`` is UTC milliseconds; ``read`` looks one value up."""
        self._db = db
        self._clock = clock
        self._read = read
        self._version = 0
        self._values: dict[KeyT, ValueT] = {}
        self._checked = 0
        self._fresh_until = 0
        self._hints = 0
        self._lock = asyncio.Lock()

    def hint(self) -> None:
        """The directory may have changed: look at the version before the next answer."""
        self._hints += 1
        self._fresh_until = 0

    async def get(self, key: KeyT) -> ValueT:
        """The value; from memory when the directory has not changed."""
        if not self._checked <= self._clock() < self._fresh_until:
            await self._check()
        try:
            return self._values[key]
        except KeyError:
            return await self._look(key)

    async def _look(self, key: KeyT) -> ValueT:
        async with self._lock:
            if key in self._values:  # whoever had the lock looked for the same
                return self._values[key]
            # The version first: what is read after it is never older than it.
            number, value = await self._db.read(lambda tx: (version.read(tx), self._read(tx, key)))
            self._take(number)
            if number == self._version:
                if len(self._values) >= MAX_VALUES:
                    self._values.clear()
                self._values[key] = value
            return value

    async def _check(self) -> None:
        async with self._lock:
            now = self._clock()
            if self._checked <= now < self._fresh_until:
                return  # someone else has just looked
            hints = self._hints
            self._take(await self._db.read(version.read))
            if hints == self._hints:
                self._checked, self._fresh_until = now, now + CHECK_MS

    def _take(self, number: int) -> None:
        if number > self._version:
            self._version = number
            self._values = {}
