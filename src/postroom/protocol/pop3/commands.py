"""POP3 commands as values, and the one function that reads them (RFC 1939, 2449, 5034)."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

MAX_LINE: Final = 255  # octets with CRLF, RFC 2449 §4
MAX_AUTH_LINE: Final = 12288  # base64 of a SASL response, RFC 4954 §4 for want of a POP3 limit

_NUMBER: Final = re.compile(rb"[0-9]{1,10}")


class BadCommand(Exception):
    """The line is no POP3 command or its arguments make no sense; the message is for the peer."""


@dataclass(frozen=True, slots=True)
class User:
    """RFC 1939 §7: the name of the maildrop."""

    name: str


@dataclass(frozen=True, slots=True)
class Pass:
    """RFC 1939 §7: the password; blanks belong to it."""

    password: str


@dataclass(frozen=True, slots=True)
class Auth:
    """RFC 5034: ``mechanism`` is "" when the client asks for the list."""

    mechanism: str
    initial: bytes | None


@dataclass(frozen=True, slots=True)
class Listing:
    """LIST and UIDL (RFC 1939 §5, §7): ``number`` is None for all messages."""

    verb: str
    number: int | None


@dataclass(frozen=True, slots=True)
class Retr:
    """RETR and TOP: ``lines`` of the body, None for the whole message."""

    number: int
    lines: int | None


@dataclass(frozen=True, slots=True)
class Dele:
    """RFC 1939 §5: mark for deletion at QUIT."""

    number: int


@dataclass(frozen=True, slots=True)
class Plain:
    """A command without arguments: STAT NOOP RSET QUIT CAPA STLS UTF8."""

    verb: str


Command = User | Pass | Auth | Listing | Retr | Dele | Plain


def parse_command(line: bytes) -> Command:
    """Read one line without its CRLF. Raises BadCommand and nothing else."""
    verb, blank, rest = line.partition(b" ")
    read = _READERS.get(verb.upper())
    if read is None:
        raise BadCommand("Unknown command; CAPA lists what there is")
    if blank and not rest:
        rest = b""
    return read(verb.upper().decode("ascii"), rest)


def _user(_verb: str, rest: bytes) -> Command:
    name = _text(rest)
    if not name:
        raise BadCommand("USER needs a name, such as USER alice@example.org")
    return User(name)


def _password(_verb: str, rest: bytes) -> Command:
    return Pass(_text(rest))


def _auth(_verb: str, rest: bytes) -> Command:
    if not rest:
        return Auth("", None)
    mechanism, blank, initial = rest.partition(b" ")
    name = _text(mechanism).upper()
    return Auth(name, initial if blank else None)


def _listing(verb: str, rest: bytes) -> Command:
    return Listing(verb, _number(rest) if rest else None)


def _retr(_verb: str, rest: bytes) -> Command:
    return Retr(_number(rest), None)


def _top(_verb: str, rest: bytes) -> Command:
    number, blank, lines = rest.partition(b" ")
    if not blank:
        raise BadCommand("TOP needs a message number and a number of lines")
    return Retr(_number(number), _number(lines))


def _dele(_verb: str, rest: bytes) -> Command:
    return Dele(_number(rest))


def _plain(verb: str, rest: bytes) -> Command:
    if rest:
        raise BadCommand(f"{verb} takes no argument")
    return Plain(verb)


def _number(octets: bytes) -> int:
    if not _NUMBER.fullmatch(octets.strip(b" ")):
        raise BadCommand("A message number is expected")
    return int(octets)


def _text(octets: bytes) -> str:
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError:
        raise BadCommand("The argument is not UTF-8") from None
    if not text.isprintable():
        raise BadCommand("The argument holds a control character")
    return text


_READERS: Final[Mapping[bytes, Callable[[str, bytes], Command]]] = {
    b"USER": _user,
    b"PASS": _password,
    b"AUTH": _auth,
    b"LIST": _listing,
    b"UIDL": _listing,
    b"RETR": _retr,
    b"TOP": _top,
    b"DELE": _dele,
    **dict.fromkeys((b"STAT", b"NOOP", b"RSET", b"QUIT", b"CAPA", b"STLS", b"UTF8"), _plain),
}
