"""The client side of IMAP, sans-IO: what a server says becomes events, commands become octets.

    session.receive(octets)
    event = session.next_event()       # Greeted, Untagged, Continued, Completed, or None
    tag = session.command(b"NOOP")
    session.data_to_send()

A line and a literal have a limit, and so has a whole response: what is longer is a ServerFault,
after which the connection is of no use. RFC 3501, RFC 9051, RFC 7888 (LITERAL+).
"""

import re
from typing import Final

import msgspec

from postroom.protocol.imap.client_values import ServerFault, Value, number, read

MAX_LINE: Final = 64 * 1024  # octets without literals
MAX_LITERAL: Final = 1 << 20
MAX_RESPONSE: Final = 2 << 20

_LITERAL: Final = re.compile(rb"~?\{(\d{1,15})\+?\}\Z")
_STATUS: Final = re.compile(
    rb"(OK|NO|BAD|BYE|PREAUTH)(?: +(?:\[([A-Za-z0-9\-]{1,60})(?: +([^\]]{0,2000}))?\])?(.*))?\Z",
    re.IGNORECASE | re.DOTALL,
)
_QUOTABLE: Final = re.compile(rb"[^\x00\r\n]{0,4000}")


class Untagged(msgspec.Struct, frozen=True):
    """``* 12 FETCH (..)``, ``* LIST ..``, ``* OK [UIDVALIDITY 3] ..``.

    Of a status response ``code``, ``argument`` and ``text`` are told, of others ``values``.
    """

    name: bytes
    number: int = 0
    values: list[Value] = []
    code: bytes = b""
    argument: bytes = b""
    text: str = ""


class Continued(msgspec.Struct, frozen=True):
    """``+ text``: the server waits for more."""

    text: bytes


class Completed(msgspec.Struct, frozen=True):
    """The end of the command with this tag; ``status`` is OK, NO or BAD."""

    tag: bytes
    status: bytes
    code: bytes
    argument: bytes
    text: str


Event = Untagged | Continued | Completed


class ClientSession:
    """One connection. ``max_literal`` in octets."""

    def __init__(self, *, max_literal: int = MAX_LITERAL) -> None:
        self._max_literal = max_literal
        self._data = bytearray()
        self._scanned = 0
        self._parts: list[bytes] = []
        self._size = 0  # of the parts
        self._literal = -1  # octets of the literal that comes; -1: a line
        self._out = bytearray()
        self._count = 0

    def receive(self, octets: bytes) -> None:
        """Octets of the server."""
        self._data += octets

    @property
    def has_data(self) -> bool:
        """Whether something has come that was not looked at, or not to its end."""
        return bool(self._data or self._parts)

    def data_to_send(self) -> bytes:
        """What is to be written."""
        octets = bytes(self._out)
        self._out.clear()
        return octets

    def command(self, line: bytes) -> bytes:
        """Say a command; its tag. Raises ValueError for a line end in it."""
        if b"\r" in line or b"\n" in line or b"\0" in line:
            raise ValueError("a command is one line")
        self._count += 1
        tag = b"p%d" % self._count
        self._out += tag + b" " + line + b"\r\n"
        return tag

    def say(self, octets: bytes) -> None:
        """Go on after ``Continued``: a line without its end."""
        self._out += octets + b"\r\n"

    def next_event(self) -> Event | None:
        """What the server has said next; None: not all of it is there. Raises ServerFault."""
        while True:
            if self._literal >= 0:
                if len(self._data) < self._literal:
                    return None
                self._take(self._literal)
                self._literal = -1
                continue
            line = self._next_line()
            if line is None:
                return None
            match = _LITERAL.search(line)
            if match is None:
                self._add(line)
                parts, self._parts, self._size = self._parts, [], 0
                return _event(parts)
            self._add(line[: match.start()])
            self._literal = int(match[1])
            if self._literal > self._max_literal:
                raise ServerFault(f"a literal of {self._literal} octets is too much")

    def _next_line(self) -> bytes | None:
        end = self._data.find(b"\n", self._scanned, MAX_LINE)
        if end < 0:
            if len(self._data) >= MAX_LINE:
                raise ServerFault(f"a line has more than {MAX_LINE} octets")
            self._scanned = len(self._data)
            return None
        line = bytes(self._data[:end]).removesuffix(b"\r")
        del self._data[: end + 1]
        self._scanned = 0
        return line

    def _take(self, size: int) -> None:
        self._add(bytes(self._data[:size]))
        del self._data[:size]
        self._scanned = 0

    def _add(self, part: bytes) -> None:
        self._parts.append(part)
        self._size += len(part)
        if self._size > MAX_RESPONSE + self._max_literal or len(self._parts) > 1000:
            raise ServerFault("a response is too long")


def quoted(octets: bytes) -> bytes:
    """A quoted string; raises ValueError for what can't be one."""
    if not _QUOTABLE.fullmatch(octets):
        raise ValueError("the text can't be quoted")
    return b'"' + octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def _event(parts: list[bytes]) -> Event:
    first = parts[0]
    if first.startswith(b"+"):
        return Continued(first[1:].strip())
    tag, _, rest = first.partition(b" ")
    if tag == b"*":
        return _untagged([rest, *parts[1:]])
    status = _STATUS.match(rest)
    if status is None or not tag:
        raise ServerFault("a response makes no sense")
    return Completed(
        tag, status[1].upper(), (status[2] or b"").upper(), status[3] or b"", _text(status[4])
    )


def _untagged(parts: list[bytes]) -> Untagged:
    status = _STATUS.match(parts[0])
    if status is not None:
        return Untagged(
            status[1].upper(),
            code=(status[2] or b"").upper(),
            argument=status[3] or b"",
            text=_text(status[4]),
        )
    values = read(parts)
    count = number(values[0], 0xFFFFFFFF) if values else None
    if count is not None:
        del values[0]
    name = values[0] if values else None
    if not isinstance(name, bytes):
        raise ServerFault("a response has no name")
    return Untagged(name.upper(), count or 0, values[1:])


def _text(octets: bytes | None) -> str:
    """What a server says, for people: printable, not long."""
    text = (octets or b"").strip()[:300].decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() else "?" for letter in text)
