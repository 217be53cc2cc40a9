r"""Lines of a peer, bounded: only CR LF ends one, and no octet is looked at twice.

A bare LF is a fault at once (it could hide a command from another server), a bare CR one
when its line is complete. Nothing is repaired: that is how smuggling works.
RFC 5321 §2.3.8, §4.5.3.1.4.
"""

from typing import Final

CRLF: Final = b"\r\n"


class BareNewline(Exception):
    """A CR or LF stands alone; where commands begin is unknown from here on."""


class LineTooLong(Exception):
    """The line is longer than the limit; ``discard_line`` drops it."""


class Lines:
    """A buffer of octets, read as lines or as blocks."""

    __slots__ = ("_data", "_is_discarding", "_scanned")

    def __init__(self) -> None:
        self._data = bytearray()
        self._scanned = 0  # octets known to hold no LF
        self._is_discarding = False

    def __len__(self) -> int:
        return len(self._data)

    def feed(self, octets: bytes) -> None:
        """Add what came."""
        self._data += octets
        if self._is_discarding:
            self._discard()

    def starts_with(self, prefix: bytes) -> bool:
        """Whether the next octets are ``prefix``, in any case of letters."""
        return self._data[: len(prefix)].upper() == prefix

    def next_line(self, limit: int) -> bytes | None:
        """The next line without its CRLF; None: it is not complete.

        ``limit`` counts the CRLF. Raises BareNewline and LineTooLong.
        """
        if self._is_discarding:
            return None
        data = self._data
        end = data.find(b"\n", self._scanned, limit)
        if end < 0:
            if len(data) >= limit:
                raise LineTooLong
            self._scanned = len(data)
            return None
        if end == 0 or data[end - 1] != 0x0D or data.find(b"\r", 0, end - 1) >= 0:
            raise BareNewline
        line = bytes(data[: end - 1])
        del data[: end + 1]
        self._scanned = 0
        return line

    def discard_line(self) -> None:
        """Drop everything up to the next CRLF, now or as it comes."""
        self._is_discarding = True
        self._scanned = 0
        self._discard()

    def take(self, count: int) -> bytes:
        """At most ``count`` octets, as they are."""
        if count >= len(self._data):
            return self.take_all()
        octets = bytes(self._data[:count])
        del self._data[:count]
        self._scanned = 0
        return octets

    def take_all(self) -> bytes:
        """All octets, as they are."""
        octets = bytes(self._data)
        self._data.clear()
        self._scanned = 0
        return octets

    def put_back(self, octets: bytes) -> None:
        """Octets that were taken too much."""
        self._data[:0] = octets
        self._scanned = 0

    def _discard(self) -> None:
        end = self._data.find(CRLF)
        if end >= 0:
            del self._data[: end + 2]
            self._is_discarding = False
        elif self._data.endswith(b"\r"):
            del self._data[:-1]
        else:
            self._data.clear()
