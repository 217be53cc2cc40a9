"""A body without its transfer encoding, read from anywhere in steps.

To decode from the middle means to begin at the front; so the place that was reached last
is remembered, and who reads on from there (a client that fetches a large part in pieces)
pays for each octet once.

RFC 2045 §6.
"""

import copy
from typing import Final

from postroom.message.content import TransferDecoder

IDENTITY: Final = frozenset({"7bit", "8bit", "binary"})  # nothing to decode
KNOWN: Final = IDENTITY | {"base64", "quoted-printable"}


class Decoding:
    """What is known of one body: ``size`` and ``has_nul`` of the decoded octets, and a place."""

    __slots__ = ("_place", "encoding", "has_nul", "size")

    def __init__(self, encoding: str) -> None:
        self.encoding = encoding
        self.size = 0
        self.has_nul = False
        self._place = Place(TransferDecoder(encoding))

    def enter(self, start: int) -> "Place":
        """A place at or before this decoded octet, as near as there is one."""
        place = self._place
        if place.decoded > start:
            return Place(TransferDecoder(self.encoding))
        return place.copied()

    def remember(self, place: "Place") -> None:
        """Readers may go on from here."""
        self._place = place


class Place:
    """A place in a body: so many octets were read, so many came out."""

    __slots__ = ("_decoder", "decoded", "read")

    def __init__(self, decoder: TransferDecoder, read: int = 0, decoded: int = 0) -> None:
        self._decoder = decoder
        self.read = read
        self.decoded = decoded

    def copied(self) -> "Place":
        """The same place, to go on from independently."""
        return Place(copy.copy(self._decoder), self.read, self.decoded)

    def feed(self, block: bytes, *, is_last: bool) -> bytes:
        """Read the next octets of the body; what they decode to."""
        octets = self._decoder.feed(block)
        if is_last:
            octets += self._decoder.finish()
        self.read += len(block)
        self.decoded += len(octets)
        return octets
