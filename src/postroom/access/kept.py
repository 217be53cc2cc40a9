"""Kept results: what was sorted or threaded lately, for all sessions of a server.

The keys of a message never change and a UID is never given twice, so an order of a mailbox
stays right; who comes with the same question is answered at once. Bounded by octets, the
longest unused goes first.
"""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Final, TypeVar

import msgspec

LIMIT: Final = 32 * 1024 * 1024  # octets

T = TypeVar("T")


class _Entry(msgspec.Struct, frozen=True):
    value: object
    octets: int


class Kept:
    """Values by key; not for different threads at once."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._octets = 0
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()

    def get(self, key: Hashable, kind: type[T]) -> T | None:
        """What was put there, if it is of this kind; it counts as used."""
        entry = self._entries.get(key)
        if entry is None or not isinstance(entry.value, kind):
            return None
        self._entries.move_to_end(key)
        return entry.value

    def put(self, key: Hashable, value: object, octets: int) -> None:
        """Keep a value of that size in place of the one before; too large a one is not kept."""
        before = self._entries.pop(key, None)
        if before is not None:
            self._octets -= before.octets
        if octets > self._limit // 4:
            return
        self._entries[key] = _Entry(value, octets)
        self._octets += octets
        while self._octets > self._limit:
            _, gone = self._entries.popitem(last=False)
            self._octets -= gone.octets
