"""Octets of a client as whole commands: lines, and the literals that lines end in.

Literals of clients are never asked for (``{5+}``): they come at once, wanted or not. One that
is larger than its limit is passed over in constant memory and known by its size only; one that
is larger than anything worth passing over ends the session. RFC 5804 §1.2 and §4.
"""

import re
from typing import Final

import msgspec

from postroom.protocol.lines import BareNewline, Lines, LineTooLong

MAX_LINE: Final = 16_384  # octets with CRLF: a SASL response (RFC 4954 §4) and words around it
MAX_SKIPPED: Final = 16 * 1024 * 1024  # octets of a literal that are passed over
MAX_LITERALS: Final = 4  # of one command; no command takes more than two
_HEAD: Final = re.compile(rb"(.*)\{([0-9]+)(\+?)\}", re.DOTALL)
_MAX_DIGITS: Final = 10


class Desynchronised(Exception):
    """Where the next command begins is unknown; the message is for the peer."""


class Literal(msgspec.Struct, frozen=True):
    """A literal; ``octets`` is None when it was larger than the limit."""

    octets: bytes | None
    size: int


Piece = bytes | Literal


class Input:
    """The octets that came and were not used yet. No octet is looked at twice."""

    __slots__ = ("_lines", "_pieces", "_skipped", "_wanted")

    def __init__(self) -> None:
        self._lines = Lines()
        self._pieces: list[Piece] = []
        self._wanted: int | None = None  # octets of the literal that is coming
        self._skipped = False  # whether they are passed over

    def __len__(self) -> int:
        """Octets that are held and belong to no complete piece."""
        return len(self._lines)

    def feed(self, octets: bytes) -> None:
        """Keep what came."""
        self._lines.feed(octets)

    def command(self, most: int) -> list[Piece] | None:
        """The pieces of one command, without CRLF and heads of literals; None: not yet.

        ``most`` is the largest literal that is kept, in octets. Raises Desynchronised.
        """
        while True:
            if self._wanted is not None and not self._literal():
                return None
            try:
                line = self._lines.next_line(MAX_LINE)
            except LineTooLong:
                raise Desynchronised("The line is too long") from None
            except BareNewline:
                raise Desynchronised("A line ends in CRLF") from None
            if line is None:
                return None
            head = _HEAD.fullmatch(line) if line.endswith(b"}") else None
            if head is None:
                self._pieces.append(line)
                pieces, self._pieces = self._pieces, []
                return pieces
            self._expect(head, most)

    def _expect(self, head: re.Match[bytes], most: int) -> None:
        if not head[3]:
            raise Desynchronised("Literals of clients are written {size+}")
        size = int(head[2]) if len(head[2]) <= _MAX_DIGITS else MAX_SKIPPED + 1
        if size > MAX_SKIPPED or len(self._pieces) >= 2 * MAX_LITERALS:
            raise Desynchronised("The literal is too large")
        kept = sum(len(one.octets or b"") for one in self._pieces if isinstance(one, Literal))
        self._pieces += [head[1], Literal(None, size)]
        self._wanted = size
        self._skipped = kept + size > most

    def _literal(self) -> bool:
        """Take what is there of the literal; True when it is complete."""
        wanted = self._wanted or 0
        if self._skipped:
            wanted -= len(self._lines.take(wanted))
            self._wanted = wanted or None
            return not wanted
        if len(self._lines) < wanted:
            return False
        self._pieces[-1] = Literal(self._lines.take(wanted), wanted)
        self._wanted = None
        return True
