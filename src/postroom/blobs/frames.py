"""Large bodies: independent frames of 1 MiB, and the table that finds and checks them.

The table is 12 octets a frame: stored length, real length, CRC-32 of the stored octets.
A partial read touches only the frames that it needs.
"""

import struct
import zlib
from collections.abc import Sequence
from typing import Final, NamedTuple

from postroom.blobs import zstd

FRAME: Final = 1024 * 1024

_ENTRY: Final = struct.Struct(">III")


class Frame(NamedTuple):
    """One line of the table; ``offset`` is in the file, and not stored."""

    offset: int
    stored: int
    size: int
    crc: int


def make(octets: bytes | bytearray | memoryview, offset: int) -> tuple[bytes, Frame]:
    """Compress one frame's octets."""
    packed = zstd.pack(octets)
    return packed, Frame(offset, len(packed), len(octets), zlib.crc32(packed))


def to_octets(frames: Sequence[Frame]) -> bytes:
    """The table as it stands in the row."""
    return b"".join(_ENTRY.pack(frame.stored, frame.size, frame.crc) for frame in frames)


def from_octets(table: bytes | None, body_size: int) -> list[Frame]:
    """Read the table. Raises ValueError when it does not describe ``body_size`` octets."""
    if table is None or len(table) % _ENTRY.size:
        raise ValueError("the frame table is cut")
    frames: list[Frame] = []
    offset = left = 0
    for stored, size, crc in _ENTRY.iter_unpack(table):
        frames.append(Frame(offset, stored, size, crc))
        offset += stored
        left += size
    if left != body_size or any(frame.size != FRAME for frame in frames[:-1]):
        raise ValueError("the frame table does not fit the body")
    return frames


def read(packed: bytes, frame: Frame) -> bytes:
    """Check and decompress. Raises ValueError."""
    if len(packed) != frame.stored:
        raise ValueError(f"{len(packed)} stored octets where {frame.stored} were written")
    if zlib.crc32(packed) != frame.crc:
        raise ValueError("a frame fails its checksum")
    return zstd.unpack(packed, frame.size)
