"""Packets: four octets of length, one that names the command or answer, then its data."""

from typing import Final

MAX_PACKET: Final = 1024 * 1024 + 64
"""Octets of one that is taken: a block of a body of the largest size there is."""


class Malformed(Exception):
    """The other side does not speak the protocol; the text says what it did, in one line."""


def pack(kind: bytes, data: bytes = b"") -> bytes:
    """One packet; ``kind`` is one octet."""
    return (1 + len(data)).to_bytes(4, "big") + kind + data


def strings(*texts: bytes) -> bytes:
    """Texts with NUL after each; what is after a NUL in one of them is lost."""
    return b"".join([text.partition(b"\0")[0] + b"\0" for text in texts])


class Packets:
    """Cuts what comes into packets."""

    def __init__(self) -> None:
        self._octets = bytearray()

    def feed(self, octets: bytes) -> None:
        """The next octets."""
        self._octets += octets

    def __len__(self) -> int:
        """Octets that nobody has taken yet."""
        return len(self._octets)

    def take(self) -> tuple[bytes, bytes] | None:
        """The next (kind, data); None until it has come whole. Raises Malformed."""
        octets = self._octets
        if len(octets) < 4:
            return None
        size = int.from_bytes(octets[:4], "big")
        if not 0 < size <= MAX_PACKET:
            raise Malformed(f"it sent a packet of {size} octets")
        if len(octets) < 4 + size:
            return None
        kind, data = bytes(octets[4:5]), bytes(octets[5 : 4 + size])
        del octets[: 4 + size]
        return kind, data
