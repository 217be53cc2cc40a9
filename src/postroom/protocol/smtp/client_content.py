"""A message on its way out: the last check before the wire, then the dots.

NUL and a CR or LF that stands alone raise ``UnsafeContent`` before anything of their block
is given out: what another server could cut differently is never sent, whoever stored it.
Blocks may be cut anywhere, between CR and LF too.

RFC 5321 §2.3.8 (line ends), §4.5.2 (dots); RFC 3030 §2 (chunks need no dots).
"""

from typing import Final

from postroom.protocol.dots import LINE_DOT, Stuffer
from postroom.protocol.smtp.content import ChunkReader, Flaw, Flaws

MAX_CHUNK: Final = 65_536  # octets of a message that goes as one chunk
NO_CONTENT: Final = b".\r\n"  # RFC 2920 §3.1: the answer to a 354 that should not have come

_REASONS: Final[dict[Flaw, str]] = {
    "nul": "the message holds a NUL",
    "bare-newline": "the message holds a CR or LF that is no line end",
}


class UnsafeContent(ValueError):
    """The content must not be sent; the message says why."""


class Outgoing:
    """Content of DATA in blocks: ``feed`` as often as needed, then ``finish``."""

    __slots__ = ("_reader", "_stuffer")

    def __init__(self) -> None:
        self._reader = ChunkReader()  # holds a CR back until its LF has come
        self._stuffer = Stuffer()

    def feed(self, block: bytes) -> bytes:
        """What may be sent; raises UnsafeContent."""
        certain = self._reader.feed(block)
        self._check()
        return self._stuffer.feed(certain)

    def finish(self) -> bytes:
        """What ends the content, a missing last line end included; raises UnsafeContent."""
        self._reader.finish()
        self._check()
        return self._stuffer.finish()

    def _check(self) -> None:
        flaw = self._reader.flaw
        if flaw is not None:
            raise UnsafeContent(_REASONS[flaw])


def whole_lines(content: bytes) -> bytes:
    """A whole message, its last line ended; raises UnsafeContent."""
    flaws = Flaws()
    flaws.look(content)
    if flaws.worst is not None:
        raise UnsafeContent(_REASONS[flaws.worst])
    return content if not content or content.endswith(b"\r\n") else content + b"\r\n"


def dotted(lines: bytes) -> bytes:
    """Whole lines as DATA sends them, with their end."""
    first = b"." if lines.startswith(b".") else b""
    return b"".join((first, lines.replace(LINE_DOT, b"\r\n.."), b".\r\n"))
