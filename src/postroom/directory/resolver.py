"""Look-ups that stay in memory: where letters go, asked at every RCPT.

An answer holds for a version of the directory (``freshness``). Two generations bound the memory:
when the younger one is full it becomes the older one, and what is asked for moves back up.
"""

from collections.abc import Callable
from typing import Final

from postroom.address import Address
from postroom.db.database import Tx
from postroom.directory import expand
from postroom.directory.expand import Resolution
from postroom.directory.freshness import Freshness, Reader

MAX_WEIGHT: Final = 50_000  # recipients remembered in one generation

Key = tuple[str, str]

_POSTMASTER: Final[Key] = ("postmaster", "")


class Resolver:
    """Remembers resolutions. Used on one event loop."""

    def __init__(self, db: Reader, clock: Callable[[], int]) -> None:
        """``clock`` is UTC milliseconds."""
        self._db = db
        self._freshness = Freshness(db, clock, self._forget)
        self._young: dict[Key, Resolution] = {}
        self._old: dict[Key, Resolution] = {}
        self._weight = 0

    def hint(self) -> None:
        """The directory may have changed: look at the version before the next answer."""
        self._freshness.hint()

    async def resolve(self, address: Address) -> Resolution:
        """Where a letter for ``address`` goes."""
        if not self._freshness.is_checked:
            await self._freshness.check()
        key = (address.local, address.domain.ascii)
        found = self._young.get(key)
        if found is not None:
            return found
        return await self._look(key, lambda tx: expand.resolve(tx, address))

    async def resolve_postmaster(self) -> Resolution:
        """Where a letter for ``<Postmaster>`` goes."""
        await self._freshness.check()
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
        if self._freshness.reached(number) and not resolution.needs_holding:
            self._put(key, resolution)
        return resolution

    def _forget(self) -> None:
        self._young, self._old, self._weight = {}, {}, 0

    def _put(self, key: Key, resolution: Resolution) -> None:
        weight = 1 + len(resolution.local) + len(resolution.remote)
        if self._weight + weight > MAX_WEIGHT:
            self._old, self._young, self._weight = self._young, {}, 0
        self._young[key] = resolution
        self._weight += weight
