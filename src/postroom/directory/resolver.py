"""Look-ups that stay in memory: where letters go, asked at every RCPT.

An answer is remembered under the version of the directory it was read in. The version
row is read again after a hint and after a second, so a change in another process counts
within a second even when its hint is lost. Two generations bound the memory: when the
younger one is full it becomes the older one, and what is asked for moves back up.
"""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol, TypeVar

from postroom.address import Address
from postroom.db.database import Tx
from postroom.directory import expand, version
from postroom.directory.expand import Resolution

CHECK_MS: Final = 1000
MAX_WEIGHT: Final = 50_000  # recipients remembered in one generation

Key = tuple[str, str]

T = TypeVar("T")

_POSTMASTER: Final[Key] = ("postmaster", "")


class Reader(Protocol):
    """What is needed of a database."""

    async def read(self, fn: Callable[[Tx], T]) -> T:
        """Run ``fn`` in a read transaction."""
        ...


class Resolver:
    """Remembers resolutions. Used on one event loop."""

    def __init__(self, db: Reader, clock: Callable[[], int]) -> None:
        """``clock`` is UTC milliseconds."""
        self._db = db
        self._clock = clock
        self._version = 0
        self._young: dict[Key, Resolution] = {}
        self._old: dict[Key, Resolution] = {}
        self._weight = 0
        self._checked = 0
        self._fresh_until = 0
        self._hints = 0
        self._lock = asyncio.Lock()

    def hint(self) -> None:
        """The directory may have changed: look at the version before the next answer."""
        self._hints += 1
        self._fresh_until = 0

    async def resolve(self, address: Address) -> Resolution:
        """Where a letter for ``address`` goes."""
        if not self._checked <= self._clock() < self._fresh_until:
            await self._check()
        key = (address.local, address.domain.ascii)
        found = self._young.get(key)
        if found is not None:
            return found
        return await self._look(key, lambda tx: expand.resolve(tx, address))

    async def resolve_postmaster(self) -> Resolution:
        """Where a letter for ``<Postmaster>`` goes."""
        if not self._checked <= self._clock() < self._fresh_until:
            await self._check()
        found = self._young.get(_POSTMASTER)
        if found is not None:
            return found
        return await self._look(_POSTMASTER, expand.resolve_postmaster)

    async def _look(self, key: Key, read: Callable[[Tx], tuple[int, Resolution]]) -> Resolution:
        older = self._old.get(key)
        if older is not None:
            self._put(key, older)
            return older
        number, resolution = await self._db.read(read)
        self._take(number)
        if number == self._version and not resolution.needs_holding:
            self._put(key, resolution)
        return resolution

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
            self._young, self._old, self._weight = {}, {}, 0

    def _put(self, key: Key, resolution: Resolution) -> None:
        weight = 1 + len(resolution.local) + len(resolution.remote)
        if self._weight + weight > MAX_WEIGHT:
            self._old, self._young, self._weight = self._young, {}, 0
        self._young[key] = resolution
        self._weight += weight
