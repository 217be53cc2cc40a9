"""Recent: small messages that were read lately, uncompressed and checked.

A message is often read several times within a moment: part by part, or by every device of
its owner. Blobs never change, so what is kept here stays right; it is bounded by octets,
and what was used least recently goes first.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Final

LIMIT: Final = 16 * 1024 * 1024  # octets of all that is kept
LARGEST: Final = 256 * 1024  # of one message
OVERHEAD: Final = 300  # counted for each message besides its octets

Whole = tuple[bytes, bytes]  # header block, body


class Recent:
    """Header blocks and bodies by the blob's id. Used in any thread."""

    def __init__(self, limit: int = LIMIT) -> None:
        """``limit`` in octets."""
        self._limit = limit
        self._octets = 0
        self._wholes: OrderedDict[int, Whole] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def octets(self) -> int:
        """How much is kept."""
        return self._octets

    def get(self, idents: Iterable[int]) -> dict[int, Whole]:
        """Those of these that are kept; they count as used."""
        found: dict[int, Whole] = {}
        with self._lock:
            for ident in idents:
                whole = self._wholes.get(ident)
                if whole is not None:
                    self._wholes.move_to_end(ident)
                    found[ident] = whole
        return found

    def put(self, wholes: Mapping[int, Whole]) -> None:
        """Keep the small ones of these."""
        with self._lock:
            for ident, whole in wholes.items():
                cost = _cost(whole)
                if cost <= LARGEST and ident not in self._wholes:
                    self._wholes[ident] = whole
                    self._octets += cost
            while self._octets > self._limit:
                self._octets -= _cost(self._wholes.popitem(last=False)[1])

    def drop(self, idents: Iterable[int]) -> None:
        """Forget what is deleted."""
        with self._lock:
            for ident in idents:
                whole = self._wholes.pop(ident, None)
                if whole is not None:
                    self._octets -= _cost(whole)


def _cost(whole: Whole) -> int:
    return len(whole[0]) + len(whole[1]) + OVERHEAD
