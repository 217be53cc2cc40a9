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

    __slots__ = ("_at", "_data", "_is_discarding", "_later", "_scanned", "_waiting")

    def __init__(self) -> None:
        self._data = b""
        self._at = 0  # octets of it that were read
        self._scanned = 0  # octets of it that were read or are known to hold no LF
        self._later: list[bytes] = []  # what came when there was some
        self._waiting = 0  # octets in it
        self._is_discarding = False

    def __len__(self) -> int:
        return len(self._data) - self._at + self._waiting

    def feed(self, octets: bytes) -> None:
        """Add what came."""
        if self._data:
            self._later.append(octets)
            self._waiting += len(octets)
        else:
            self._data = octets
        if self._is_discarding:
            self._discard()

    def starts_with(self, prefix: bytes) -> bool:
        """Whether the next octets are ``prefix``, in any case of letters."""
        self._join()
        return self._data[self._at : self._at + len(prefix)].upper() == prefix

    def next_line(self, limit: int) -> bytes | None:
        """The next line without its CRLF; None: it is not complete.

        ``limit`` counts the CRLF. Raises BareNewline and LineTooLong.
        """
        data, at = self._data, self._at
        if not data or self._is_discarding:
            return None
        end = data.find(b"\n", self._scanned, at + limit)
        if end < 0:
            if len(data) - at >= limit:
                raise LineTooLong
            self._scanned = len(data)
            if not self._later:
                return None
            self._join()
            return self.next_line(limit)
        if end == at or data[end - 1] != 0x0D or data.find(b"\r", at, end - 1) >= 0:
            raise BareNewline
        if end + 1 < len(data) or self._later:
            self._at = self._scanned = end + 1
        else:
            self._data = b""
            self._at = self._scanned = 0
        return data[at : end - 1]

    def discard_line(self) -> None:
        """Drop everything up to the next CRLF, now or as it comes."""
        self._is_discarding = True
        self._discard()

    def take(self, count: int) -> bytes:
        """At most ``count`` octets, as they are."""
        if count >= len(self):
            return self.take_all()
        if count > len(self._data) - self._at:
            self._join()
        octets = self._data[self._at : self._at + count]
        self._at = self._scanned = self._at + count
        return octets

    def take_all(self) -> bytes:
        """All octets, as they are."""
        self._join()
        octets, self._data = self._data, b""
        self._scanned = 0
        return octets

    def put_back(self, octets: bytes) -> None:
        """Octets that were taken too much."""
        self._join()
        self._data = octets + self._data
        self._scanned = 0

    def _join(self) -> None:
        """All that there is is in one piece, with nothing before it."""
        if self._at or self._later:
            self._data = b"".join((self._data[self._at :], *self._later))
            self._later.clear()
            self._scanned -= self._at
            self._at = self._waiting = 0

    def _discard(self) -> None:
        self._join()
        end = self._data.find(CRLF)
        if end >= 0:
            self._data = self._data[end + 2 :]
            self._is_discarding = False
        else:
            self._data = b"\r" if self._data.endswith(b"\r") else b""
        self._scanned = 0
