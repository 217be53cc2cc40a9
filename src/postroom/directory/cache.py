"""What a server remembers of the directory: values read once a version (``freshness``).

Every value goes when the version rises. (``resolver`` keeps answers for strangers' questions,
and bounds its memory in its own way.)
"""

import asyncio
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from postroom.db.database import Tx
from postroom.directory import version
from postroom.directory.freshness import Freshness, Reader

MAX_VALUES: Final = 10_000

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")


class Cache(Generic[KeyT, ValueT]):
    """Values by key. Used on one event loop."""

    def __init__(
        self,
        db: Reader,
        clock: Callable[[], int],
        read: Callable[[Tx, KeyT], ValueT],
        *,
        most: int = MAX_VALUES,
        weigh: Callable[[ValueT], int] = lambda _: 1,
    ) -> None:
        """``clock`` is UTC milliseconds; ``read`` looks one value up.

        Values that weigh more than ``most`` in all are not kept: the oldest go.
        """
        self._db = db
        self._read = read
        self._most = most
        self._weigh = weigh
        self._weight = 0
        self._values: dict[KeyT, ValueT] = {}
        self._freshness = Freshness(db, clock, self._forget)
        self._lock = asyncio.Lock()

    def hint(self) -> None:
        """The directory may have changed: look at the version before the next answer."""
        self._freshness.hint()

    async def get(self, key: KeyT) -> ValueT:
        """The value; from memory when the directory has not changed."""
        if not self._freshness.is_checked:
            await self._freshness.check()
        try:
            return self._values[key]
        except KeyError:
            return await self._look(key)

    async def _look(self, key: KeyT) -> ValueT:
        async with self._lock:
            if key in self._values:  # whoever had the lock looked for the same
                return self._values[key]
            number, value = await self._db.read(lambda tx: (version.read(tx), self._read(tx, key)))
            if self._freshness.reached(number):
                self._values[key] = value
                self._weight += self._weigh(value)
                while self._weight > self._most and len(self._values) > 1:
                    self._weight -= self._weigh(self._values.pop(next(iter(self._values))))
            return value

    def _forget(self) -> None:
        self._values.clear()
        self._weight = 0
