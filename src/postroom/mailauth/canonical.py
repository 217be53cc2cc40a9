r"""The canonical forms of header fields and of bodies, in blocks: relaxed and simple.

The body is worked on by ``bytes`` methods, never line by line; what is kept between blocks
is a count of line ends and at most two octets, so memory does not grow with the message. The
result does not depend on the cuts. Lines are CRLF lines, as everything that is stored has
them; a bare CR or LF is an octet like any other. Nothing here raises, whatever the octets.

A last line without its CRLF counts as if it had one, because whoever delivers it by DATA
adds it: a body of blanks alone is an empty body.

RFC 6376 §3.4.1 to §3.4.4, with the rules for empty bodies.
"""

import abc
import hashlib
from collections.abc import Callable, Iterable
from typing import Final

_SLICE: Final = 128 * 1024  # octets worked on at once: the copies stay in the cache
_LINE_ENDS: Final = b"\r\n" * 32_768


class Body(abc.ABC):
    """``feed`` a body in any cut, then ``finish``; the canonical octets go to ``sink``."""

    __slots__ = ("_held", "_is_empty", "_line_ends", "_sink")

    def __init__(self, sink: Callable[[bytes], object]) -> None:
        """``sink`` is called with consecutive blocks: the ``update`` of a hash."""
        self._sink = sink
        self._line_ends = 0  # that count only when content follows
        self._held = b""  # a blank or CR at the end, whose meaning the next octet decides
        self._is_empty = True

    def feed(self, block: bytes) -> None:
        """The next octets of the body."""
        if len(block) <= _SLICE:
            self._feed(block)
            return
        for at in range(0, len(block), _SLICE):
            self._feed(block[at : at + _SLICE])

    def finish(self) -> None:
        """The body is complete: end its last line."""
        if self._held.endswith(b"\r"):  # a bare CR is content
            self._content(self._held)
        self._held = b""
        self._line_ends = 0
        self._end()

    def _feed(self, block: bytes) -> None:
        data, end = self._reduced(self._held + block)
        self._held = data[end:]
        content = _without_line_ends(data, end)
        if content:
            self._content(data[:content])
        self._line_ends += (end - content) // 2

    def _content(self, octets: bytes) -> None:
        """Octets that count, after the line ends before them."""
        self._is_empty = False
        left = self._line_ends * 2
        while left > 0:
            self._sink(_LINE_ENDS[:left])
            left -= len(_LINE_ENDS)
        self._line_ends = 0
        self._sink(octets)

    @abc.abstractmethod
    def _reduced(self, data: bytes) -> tuple[bytes, int]:
        """The canonical octets, and where begin those that wait for the next block."""

    @abc.abstractmethod
    def _end(self) -> None:
        """Write the end of the body."""


class RelaxedBody(Body):
    """RFC 6376 §3.4.4: runs of blanks are one, those at the end of a line none."""

    __slots__ = ()

    def _reduced(self, data: bytes) -> tuple[bytes, int]:
        data = reduce_blanks(data).replace(b" \r\n", b"\r\n")
        end = len(data)
        if data.endswith(b"\r"):
            end -= 1
        if data.endswith(b" ", 0, end):
            end -= 1
        return data, end

    def _end(self) -> None:
        """An empty body stays empty."""
        if not self._is_empty:
            self._sink(b"\r\n")


class SimpleBody(Body):
    """RFC 6376 §3.4.3: nothing changes but the empty lines at the end."""

    __slots__ = ()

    def _reduced(self, data: bytes) -> tuple[bytes, int]:
        return data, len(data) - data.endswith(b"\r")

    def _end(self) -> None:
        """An empty body is one empty line."""
        self._sink(b"\r\n")


def relaxed_body_hash(blocks: Iterable[bytes]) -> bytes:
    """The SHA-256 of the canonical body: what ``bh=`` holds, not yet base64."""
    digest = hashlib.sha256()
    body = RelaxedBody(digest.update)
    for block in blocks:
        body.feed(block)
    body.finish()
    return digest.digest()


def relaxed_field(name: bytes, value: bytes) -> bytes:
    """One field: the name in lower case, the value unfolded and trimmed, CRLF.

    ``value`` is what follows the colon, with or without its last CRLF.
    """
    return b"%b:%b\r\n" % (
        name.rstrip(b" \t").lower(),
        reduce_blanks(value.replace(b"\r\n", b"")).strip(b" "),
    )


def reduce_blanks(octets: bytes) -> bytes:
    """Every run of blanks and tabs becomes one blank."""
    octets = octets.replace(b"\t", b" ")
    while b"  " in octets:  # each pass halves the longest run
        octets = octets.replace(b"  ", b" ")
    return octets


def _without_line_ends(data: bytes, end: int) -> int:
    """Where the CRLFs that end ``data[:end]`` begin."""
    if not data.endswith(b"\r\n", 0, end):
        return end
    start = len(data[:end].rstrip(b"\r\n"))
    tail = data[start:end].replace(b"\r\n", b"\0\0")  # a bare CR or LF among them is content
    return start + len(tail.rstrip(b"\0"))
