"""COMPRESS=DEFLATE: both directions of a connection through zlib (RFC 4978, RFC 1951).

What came compressed is inflated a step at a time, so a small input that stands for a huge
one is never held: the session sees it piece by piece, with its own limits for lines and
literals. The window of our own stream is small, to be cheap for a connection that idles.
"""

import zlib
from typing import Final

STEP: Final = 64 * 1024  # octets inflated at a time
_RAW: Final = -zlib.MAX_WBITS  # no header, no checksum
_WINDOW: Final = -13  # of our own stream: 8 KiB
_MEMORY: Final = 5


class CompressionFault(Exception):
    """What came is no DEFLATE stream: nothing of it can be believed."""


class Compression:
    """The two streams of one connection."""

    __slots__ = ("_deflater", "_inflater", "_is_cut", "_waiting")

    def __init__(self) -> None:
        self._deflater = zlib.compressobj(
            zlib.Z_DEFAULT_COMPRESSION, zlib.DEFLATED, _WINDOW, _MEMORY
        )
        self._inflater = zlib.decompressobj(_RAW)
        self._waiting = b""
        self._is_cut = False  # the last piece was full: more may stand behind it

    @property
    def has_input(self) -> bool:
        """Whether ``inflate`` may have more to give without new octets."""
        return bool(self._waiting) or self._is_cut

    def feed(self, octets: bytes) -> None:
        """Keep octets that came from the client; raises CompressionFault behind its end."""
        if octets and self._inflater.eof:
            raise CompressionFault("octets came behind the end of the stream")
        self._waiting += octets

    def inflate(self) -> bytes:
        """The next piece, at most ``STEP`` octets; raises CompressionFault."""
        try:
            piece = self._inflater.decompress(self._waiting, STEP)
        except zlib.error as error:
            raise CompressionFault(str(error)) from None
        self._waiting = self._inflater.unconsumed_tail
        self._is_cut = len(piece) == STEP
        return piece

    def deflate(self, octets: bytes) -> bytes:
        """What to send for these octets; the client can read all of it at once."""
        return self._deflater.compress(octets) + self._deflater.flush(zlib.Z_SYNC_FLUSH)

    def end(self) -> tuple[bytes, bytes]:
        """End both streams: what is still to be sent, and what came after the client's end."""
        return self._deflater.flush(zlib.Z_FINISH), self._inflater.unused_data
