r"""Replies of a server, read from octets: bounded, and safe to show.

A reply is kept as text that may stand in a log, the ledger or a DSN as it is: what is not
printable, line ends and direction marks among it, has become "?". A lone LF ends a line too,
because some servers send it. All else that is no reply is a
``ServerFault``: an endless line or reply, a code outside 200-599, lines that disagree.

RFC 5321 §4.2 (replies), §4.5.3.1.5 (line length); RFC 2034 and RFC 3463 (enhanced status).
"""

import re
from functools import lru_cache
from typing import Final

import msgspec

MAX_LINE: Final = 4_096  # octets with the line end; RFC 5321 §4.5.3.1.5 says 512
MAX_LINES: Final = 100  # of one reply
MAX_REPLY: Final = 65_536  # octets of one reply
MAX_TEXT: Final = 500  # characters of ``ServerReply.text``

_KEPT: Final = 96  # octets of a line worth remembering: "250 2.1.5 OK" comes all the time
_STATUS: Final = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?: |\Z)")


class ServerFault(Exception):
    """The server broke the protocol; nothing more can be said to it. ``reason`` says how."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class ServerReply(msgspec.Struct, frozen=True):
    """One reply. ``status`` is empty where none was sent; ``lines`` do not repeat it.

    ``is_local``: no server said it, we decided so ourselves.
    """

    code: int
    status: str
    lines: tuple[str, ...]
    is_local: bool = False

    @property
    def text(self) -> str:
        """The lines as one printable text of at most 500 characters."""
        return " / ".join(self.lines)[:MAX_TEXT]

    @property
    def is_positive(self) -> bool:
        """2yz and 3yz."""
        return self.code < 400

    @property
    def is_temporary(self) -> bool:
        """4yz: trying again may help (RFC 5321 §4.2.1)."""
        return 400 <= self.code < 500

    @property
    def is_permanent(self) -> bool:
        """5yz: trying again will not help."""
        return self.code >= 500

    def __str__(self) -> str:
        """The reply in one line, as a DSN shows it (RFC 3464 §2.3.6)."""
        return " ".join(filter(None, (str(self.code), self.status, self.text)))


def local_reply(code: int, status: str, text: str) -> ServerReply:
    """What we decide ourselves, in the form of a reply."""
    return ServerReply(code, status, (printable(text),), is_local=True)


def printable(text: str) -> str:
    """The text with "?" for every character that can't be shown."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else "?" for letter in text)


class ReplyParser:
    """Feed octets, take replies. No octet is looked for twice."""

    __slots__ = ("_at", "_code", "_data", "_later", "_scanned", "_size", "_texts")

    def __init__(self) -> None:
        self._data = b""
        self._at = 0  # octets of it that were read
        self._scanned = 0  # octets of it that were read or are known to hold no LF
        self._later: list[bytes] = []  # what came when there was some
        self._texts: list[bytes] = []  # of a reply that goes on
        self._code = b""
        self._size = 0

    def __len__(self) -> int:
        """Octets that wait, the lines of an unfinished reply not counted."""
        return len(self._data) - self._at + sum(map(len, self._later))

    @property
    def is_empty(self) -> bool:
        """Nothing waits: neither octets nor lines of an unfinished reply."""
        return not self._data and not self._texts

    def feed(self, octets: bytes) -> None:
        """Add what came."""
        if self._data:
            self._later.append(octets)
        else:
            self._data = octets

    def next_reply(self) -> ServerReply | None:
        """The next reply; None: it is not complete. Raises ServerFault."""
        while (line := self._next_line()) is not None:
            if line[3:4] != b"-" and not self._texts:
                return _known(line) if len(line) <= _KEPT else _read([line])
            self._add(line)
            if line[3:4] != b"-":
                texts, self._texts = self._texts, []
                return _read(texts)
        return None

    def _next_line(self) -> bytes | None:
        data, at = self._data, self._at
        if not data:
            return None
        end = data.find(b"\n", self._scanned, at + MAX_LINE)
        if end < 0:
            if len(data) - at >= MAX_LINE:
                raise ServerFault(f"a line of a reply is longer than {MAX_LINE} octets")
            self._scanned = len(data)
            if not self._later:
                return None
            self._go_on()
            return self._next_line()
        line = data[at:end]
        self._at = self._scanned = end + 1
        if end + 1 == len(data):
            self._go_on()
        return line.removesuffix(b"\r")

    def _go_on(self) -> None:
        """With what came later, behind a line that has begun."""
        self._scanned -= self._at
        self._data = b"".join((self._data[self._at :], *self._later))
        self._later.clear()
        self._at = 0

    def _add(self, line: bytes) -> None:
        """One line of a reply of several (RFC 5321 §4.2.1)."""
        texts = self._texts
        if not texts:
            self._code, self._size = line[:3], 0
        elif line[:3] != self._code:
            raise ServerFault(
                f"the lines of a reply disagree: {_shown(self._code)}, {_shown(line)}"
            )
        self._size += len(line) + 2
        if len(texts) == MAX_LINES or self._size > MAX_REPLY:
            raise ServerFault(f"a reply is longer than {MAX_LINES} lines or {MAX_REPLY} octets")
        _code(line)
        texts.append(line)


def _code(line: bytes) -> int:
    digits = line[:3]
    if not digits.isdigit() or not 200 <= int(digits) <= 599 or line[3:4] not in b" -":
        raise ServerFault(f"this is no reply of a mail server: {_shown(line)}")
    return int(digits)


def _read(lines: list[bytes]) -> ServerReply:
    """RFC 2034 §4: an enhanced status begins the text, of the class of the code."""
    code = _code(lines[0])
    status = ""
    texts = []
    for line in lines:
        text = printable(line[4:].decode("utf-8", "replace"))
        found = _STATUS.match(text)
        if found is not None and text[0] == str(code)[0] and status in ("", found[1]):
            status = found[1]
            text = text[found.end() :]
        texts.append(text)
    return ServerReply(code, status, tuple(texts))


@lru_cache(maxsize=512)
def _known(line: bytes) -> ServerReply:
    """The same short replies come again and again. Failures are not kept."""
    return _read([line])


def _shown(line: bytes) -> str:
    """The beginning of a line, for a reason."""
    return repr(printable(line[:60].decode("utf-8", "replace")))
