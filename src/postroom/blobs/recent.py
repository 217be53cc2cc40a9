"""Recent: what was read lately of messages, uncompressed and checked.

A message is often read several times within a moment: part by part, or by every device of
its owner; of a large one, clients ask for some ten thousand octets at a time. Blobs never
change, so what is kept here stays right; it is bounded by octets, and what was used least
recently goes first.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Final, Generic, TypeVar

LIMIT: Final = 16 * 1024 * 1024  # octets of all that is kept
LARGEST: Final = 256 * 1024  # of one message
OVERHEAD: Final = 300  # counted for each besides its octets
FRAMES: Final = 6

KeyT = TypeVar("KeyT", bound=Hashable)
ValueT = TypeVar("ValueT")
Whole = tuple[bytes, bytes]  # header block, body
Place = tuple[int, int]  # a blob's id and the number of a frame of its body


class Recent(Generic[KeyT, ValueT]):
    """Values by key. Used in any thread."""

    def __init__(
        self, octets: Callable[[ValueT], int], *, largest: int = LARGEST, limit: int = LIMIT
    ) -> None:
        """``octets`` of a value; none is kept above ``largest``, all have ``limit``."""
        self._octets_of = octets
        self._largest = largest
        self._limit = limit
        self._octets = 0
        self._values: OrderedDict[KeyT, ValueT] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def octets(self) -> int:
        """How much is kept."""
        return self._octets

    def get(self, keys: Iterable[KeyT]) -> dict[KeyT, ValueT]:
        """Those of these that are kept; they count as used."""
        found: dict[KeyT, ValueT] = {}
        with self._lock:
            for key in keys:
                value = self._values.get(key)
                if value is not None:
                    self._values.move_to_end(key)
                    found[key] = value
        return found

    def put(self, values: Mapping[KeyT, ValueT]) -> None:
        """Keep the small ones of these."""
        with self._lock:
            for key, value in values.items():
                cost = self._cost(value)
                if cost <= self._largest and key not in self._values:
                    self._values[key] = value
                    self._octets += cost
            while self._octets > self._limit:
                self._octets -= self._cost(self._values.popitem(last=False)[1])

    def drop(self, is_gone: Callable[[KeyT], bool]) -> None:
        """Forget what is deleted."""
        with self._lock:
            for key in [key for key in self._values if is_gone(key)]:
                self._octets -= self._cost(self._values.pop(key))

    def _cost(self, value: ValueT) -> int:
        return self._octets_of(value) + OVERHEAD


def of_wholes() -> Recent[int, Whole]:
    """For small messages by their blob's id."""
    return Recent(lambda whole: len(whole[0]) + len(whole[1]))


def of_frames(size: int) -> Recent[Place, bytes]:
    """For a few frames, of at most this size, of large ones."""
    most = size + OVERHEAD
    return Recent(len, largest=most, limit=FRAMES * most)
