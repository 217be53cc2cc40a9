"""Dot-stuffing of outgoing multi-line content, in blocks.

A line that begins with a dot gets a second one, and the end is ``CRLF . CRLF``
(RFC 1939 §3, RFC 5321 §4.5.2). Lines are CRLF lines: stored letters have no others.
"""

from typing import Final

LINE_DOT: Final = b"\r\n."


class Stuffer:
    """Feed content in any cut; what comes out may be sent as it is."""

    __slots__ = ("_tail",)

    def __init__(self) -> None:
        self._tail = b"\r\n"  # what stood before the block, as far as it matters

    def feed(self, block: bytes) -> bytes:
        """The block with its dots stuffed."""
        if not block:
            return b""
        tail = self._tail
        whole = tail + block
        self._tail = whole[-2:]
        return whole.replace(LINE_DOT, b"\r\n..")[len(tail) :]

    def finish(self) -> bytes:
        """What ends the content; a last line without CRLF gets one."""
        return b".\r\n" if self._tail == b"\r\n" else b"\r\n.\r\n"


class Top:
    """Cuts content after the header block and a number of body lines (RFC 1939 §7 TOP)."""

    __slots__ = ("_in_body", "_left", "_tail", "done")

    def __init__(self, lines: int) -> None:
        self._left = lines
        self._in_body = False
        self._tail = b""
        self.done = False

    def feed(self, block: bytes) -> bytes:
        """As much of the block as belongs to the answer; ``done`` once it is complete."""
        if self.done:
            return b""
        at = 0
        if not self._in_body:
            whole = self._tail + block
            end = whole.find(b"\r\n\r\n")
            if end < 0:
                self._tail = whole[-3:]
                return block
            at = max(0, end + 4 - len(self._tail))
            self._in_body = True
        while self._left:
            end = block.find(b"\n", at)
            if end < 0:
                return block
            at = end + 1
            self._left -= 1
        self.done = True
        return block[:at]
