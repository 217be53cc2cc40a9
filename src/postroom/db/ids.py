"""63-bit ids made by the program: milliseconds, node, sequence.

42 bits of milliseconds since 1970, 8 bits of node, 13 bits of sequence. Made before the
write, so a write that runs twice inserts the same row. Never going back with the clock,
and never below what is stored: start at ``max(now, highest stored + 1)``. A number that
several servers share out (``db.node``) makes ids of the milliseconds that were leased only.
"""

import threading
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from postroom.errors import StorageFailed

NODE_BITS: Final = 8
SEQUENCE_BITS: Final = 13
MOST_IN_A_RUN: Final = 1 << SEQUENCE_BITS
_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32
_PAIRS: Final = tuple([high + low for high in _ALPHABET for low in _ALPHABET])


class Ids:
    """A source of ids for one process. Thread safe."""

    def __init__(self, milliseconds: Callable[[], int], *, node: int = 0, above: int = 0) -> None:
        """``milliseconds`` is the wall clock; ``above`` the highest id already stored."""
        self._milliseconds = milliseconds
        self._node = node
        self._tick = above >> (NODE_BITS + SEQUENCE_BITS)
        if above:
            self._tick += 1
        self._sequence = -1
        self._until = 1 << 62
        self._lock = threading.Lock()

    @property
    def tick(self) -> int:
        """The lowest millisecond of which no id was made yet."""
        with self._lock:
            return max(self._milliseconds(), self._tick) + 1

    @property
    def node(self) -> int:
        """Whose ids they are."""
        return self._node

    def lease(self, node: int, start: int, until: int) -> None:
        """From here on make ids of this node, of the milliseconds from start to before until."""
        with self._lock:
            self._node = node
            self._tick, self._sequence = max(self._tick + 1, start), -1
            self._until = until

    def extend(self, until: int) -> None:
        """The lease goes on."""
        with self._lock:
            self._until = until

    def next(self) -> int:
        """A new id, greater than every one before it from this source.

        Raises ``StorageFailed`` when the lease is over.
        """
        with self._lock:
            now = self._milliseconds()
            if now > self._tick:
                self._tick, self._sequence = now, 0
            elif self._sequence + 1 < MOST_IN_A_RUN:
                self._sequence += 1
            else:
                self._tick, self._sequence = self._tick + 1, 0
            self._check_lease()
            return self._made(self._sequence)

    def run(self, count: int) -> int:
        """The first of ``count`` new ids that follow each other, at most ``MOST_IN_A_RUN``.

        Raises ``StorageFailed`` as ``next`` does.
        """
        if not 1 <= count <= MOST_IN_A_RUN:
            raise ValueError(f"{count} ids in one run")
        with self._lock:
            now = self._milliseconds()
            if now > self._tick:
                self._tick, self._sequence = now, -1
            elif self._sequence + count >= MOST_IN_A_RUN:
                self._tick, self._sequence = self._tick + 1, -1
            self._check_lease()
            first = self._sequence + 1
            self._sequence += count
            return self._made(first)

    def _check_lease(self) -> None:
        if self._tick >= self._until:
            raise StorageFailed(detail="the lease of the node's ids is over")

    def _made(self, sequence: int) -> int:
        return (
            (self._tick << (NODE_BITS + SEQUENCE_BITS)) | (self._node << SEQUENCE_BITS) | sequence
        )


def first_id_at(milliseconds: int) -> int:
    """The lowest id that can be made at this time."""
    return max(0, milliseconds) << (NODE_BITS + SEQUENCE_BITS)


@lru_cache(maxsize=64)  # each is wanted several times while its letter comes or leaves
def to_text(ident: int) -> str:
    """The id as people see it: 13 letters of Crockford's base 32, lower case."""
    return (
        f"{_ALPHABET[ident >> 60 & 31]}"
        f"{_PAIRS[ident >> 50 & 1023]}{_PAIRS[ident >> 40 & 1023]}{_PAIRS[ident >> 30 & 1023]}"
        f"{_PAIRS[ident >> 20 & 1023]}{_PAIRS[ident >> 10 & 1023]}{_PAIRS[ident & 1023]}"
    )


def from_text(text: str) -> int:
    """Read an id back; raises ValueError."""
    ident = 0
    if len(text) != 13:
        raise ValueError(text)
    for letter in text.lower():
        ident = (ident << 5) | _ALPHABET.index(letter)
    if ident >> 63:
        raise ValueError(text)
    return ident
