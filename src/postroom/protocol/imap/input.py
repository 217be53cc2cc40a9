"""The octets that came and were not used yet: lines, literals, content.

No octet is scanned twice and every wait is bounded: by the length of a line, of a
literal, of a whole command. A line ends with CRLF; a bare LF is a mistake, never an end
that is repaired. When nothing is held, nothing is kept.
"""

import re
from typing import Final

import msgspec

LINE_LIMIT: Final = 64 * 1024  # RFC 2683 §3.2.1.5 asks for 8,000 at least
LOGIN_LIMIT: Final = 8 * 1024  # octets of a command before login
LOGIN_LITERAL_LIMIT: Final = 512
COMMAND_LIMIT: Final = 1024 * 1024  # after login, with literals
LITERAL_LIMIT: Final = 100 * 1024
MAX_LITERALS: Final = 1000
BLOCK: Final = 64 * 1024
_LITERAL_HEAD: Final = re.compile(rb"([0-9]+)(\+?)\}")
_HUGE: Final = 10**20


class TooLong(Exception):
    """The line or command is longer than its limit."""


class BareNewline(Exception):
    """A line ends in LF without CR. The line is taken out of the input."""

    def __init__(self, line: bytes) -> None:
        super().__init__("A line ends in CRLF")
        self.line = line


class LiteralHead(msgspec.Struct, frozen=True):
    """The command so far ends in ``{size}`` or ``{size+}`` (with its CRLF)."""

    octets: bytes
    size: int
    is_synchronising: bool


class Input:
    """Octets of one connection in order."""

    __slots__ = ("_data", "_literal_end", "_scanned", "_segment", "literals")

    def __init__(self) -> None:
        self._data = bytearray()
        self._scanned = 0  # no LF stands before this place
        self._segment = 0  # where the line in progress began (behind the last literal)
        self._literal_end = 0
        self.literals = 0

    def __len__(self) -> int:
        return len(self._data)

    def feed(self, octets: bytes) -> None:
        """Keep what came."""
        self._data += octets

    def command(self, limit: int) -> bytes | LiteralHead | None:
        """A whole command without its CRLF, or the head of a literal, or None: not yet.

        After a head call ``expect_literal`` (to read on) or ``drop``.
        """
        if len(self._data) < self._literal_end:
            return None
        end = self._line_end(min(LINE_LIMIT, limit), limit)
        if end < 0:
            return None
        head = self._head(end)
        if head is not None:
            self._scanned = end
            return head
        command = bytes(self._data[: end - 2])
        self._cut(end)
        return command

    def admits(self, head: LiteralHead, *, before_login: bool = False) -> bool:
        """Whether the literal of an argument is within the limits."""
        literal, command = LITERAL_LIMIT, COMMAND_LIMIT
        if before_login:
            literal, command = LOGIN_LITERAL_LIMIT, LOGIN_LIMIT
        return (
            head.size <= literal
            and len(head.octets) + head.size <= command
            and self.literals < MAX_LITERALS
        )

    def expect_literal(self, size: int) -> None:
        """Go on with the command behind a literal of this size."""
        self._literal_end = self._segment = self._scanned = self._scanned + size
        self.literals += 1

    def drop(self) -> None:
        """Forget the command up to the literal head that was just found."""
        self._cut(self._scanned)

    def peek(self, most: int) -> bytes:
        """At most so many octets from where the next line begins; b"" when it was begun."""
        return b"" if self._scanned or self._segment else bytes(self._data[:most])

    def skip(self, count: int) -> None:
        """Take so many octets away."""
        self._cut(count)

    def line(self, limit: int) -> bytes | None:
        """One line without its CRLF, or None: not yet."""
        end = self._line_end(limit, limit)
        if end < 0:
            return None
        line = bytes(self._data[: end - 2])
        self._cut(end)
        return line

    def block(self, most: int) -> bytes:
        """At most this many octets of what is there, whatever they are."""
        block = bytes(self._data[:most])
        self._cut(len(block))
        return block

    def _line_end(self, line_limit: int, limit: int) -> int:
        """The place behind the next LF, -1 when it has not come."""
        found = self._data.find(b"\n", max(self._scanned, self._segment))
        end = found + 1 if found >= 0 else len(self._data)
        if end - self._segment > line_limit or end > limit:
            raise TooLong
        if found < 0:
            self._scanned = end
            return -1
        if found == 0 or self._data[found - 1] != 0x0D or found - 1 < self._segment:
            line = bytes(self._data[:end])
            self._cut(end)
            raise BareNewline(line)
        return end

    def _head(self, end: int) -> LiteralHead | None:
        if self._data[end - 3 : end - 2] != b"}":
            return None
        start = self._data.rfind(b"{", self._segment, end)
        match = _LITERAL_HEAD.fullmatch(self._data, start + 1, end - 2) if start >= 0 else None
        if match is None:
            return None
        size = int(match[1]) if len(match[1]) <= 20 else _HUGE
        return LiteralHead(bytes(self._data[:end]), size, not match[2])

    def _cut(self, end: int) -> None:
        if end == len(self._data):
            self._data.clear()
        else:
            del self._data[:end]
        self._scanned = self._segment = self._literal_end = self.literals = 0
