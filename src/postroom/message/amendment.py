"""A header block whose fields other programs change: by their place, or by name and number.

All other octets stay as they are; lines that are no fields stay where they are and are not
counted. Names and values are taken as they come: a value has no line end at its end, and lines
in it are folded (RFC 5322 §2.2.3).
"""

from collections.abc import Callable
from typing import Final

from postroom.message import headers
from postroom.message.headers import MAX_HEADER

MAX_FIELDS: Final = 1_000


class TooLarge(Exception):
    """The block has become larger than a message may have."""


class Amendment:
    """One header block being changed."""

    def __init__(self, head: bytes) -> None:
        self._pieces: list[tuple[bytes, bytes, bool]] = []  # name in lower case, octets, is new
        self._size = len(head)
        at = 0
        for field in headers.fields(head):
            if field.start > at:
                self._pieces.append((b"", head[at : field.start], False))
            octets = head[field.start : field.end]
            octets = octets if octets.endswith(b"\n") else octets + b"\r\n"
            self._pieces.append((field.name, octets, False))
            at = field.end
        self._rest = head[at:]

    def copy(self) -> "Amendment":
        """Another one that can be changed apart."""
        other = Amendment(b"")
        other._pieces, other._rest, other._size = list(self._pieces), self._rest, self._size
        return other

    def fields(self) -> list[tuple[bytes, bytes]]:
        """(name, all octets behind the colon) of every field."""
        found = []
        for lower, octets, _ in self._pieces:
            if lower:
                name, _, value = octets.partition(b":")
                found.append((name.rstrip(b" \t"), value))
        return found

    def head(self, mended: Callable[[bytes], bytes] = lambda octets: octets) -> bytes:
        """The block as it is now, with its empty line.

        Each field that was there from the beginning becomes what ``mended`` makes of it.
        """
        octets = [
            piece if is_new or not name else mended(piece) for name, piece, is_new in self._pieces
        ]
        return b"".join(octets) + (self._rest or b"\r\n")

    def append(self, name: bytes, value: bytes) -> None:
        """A field at the end. Raises TooLarge."""
        self._put(len(self._pieces), name, value)

    def insert(self, index: int, name: bytes, value: bytes) -> None:
        """A field before the ``index``th one, from 0 on. Raises TooLarge."""
        places = [place for place, (lower, _, _) in enumerate(self._pieces) if lower]
        self._put(places[index] if index < len(places) else len(self._pieces), name, value)

    def change(self, index: int, name: bytes, value: bytes) -> None:
        """The ``index``th field of a name, from 1 on, gets this value, or goes if that is empty.

        Where there are fewer of it a field is added. Raises TooLarge.
        """
        lower = name.lower()
        places = [place for place, piece in enumerate(self._pieces) if piece[0] == lower]
        index = max(index, 1)
        if index > len(places):
            if value:
                self.append(name, value)
            return
        place = places[index - 1]
        self._size -= len(self._pieces.pop(place)[1])
        if value:
            self._put(place, name, value)

    def _put(self, place: int, name: bytes, value: bytes) -> None:
        octets = name + b":" + value + b"\r\n"
        if len(self._pieces) >= MAX_FIELDS or self._size + len(octets) > MAX_HEADER:
            raise TooLarge
        self._size += len(octets)
        self._pieces.insert(place, (name.lower(), octets, True))
