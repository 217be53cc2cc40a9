"""Annotations of mailboxes and of the server as IMAP writes them (RFC 5464).

An entry is a path that begins with ``/private`` or ``/shared``. Its name is compared without
regard to case and written as its writer wrote it.
"""

import re
from collections.abc import Iterable
from typing import Final, Literal

from postroom.protocol.imap.responses import mailbox_name, nstring, string

PRIVATE: Final = "/private"
MAX_NAME: Final = 500

Depth = Literal["0", "1", "infinity"]

_NAME: Final = re.compile(r"/(?:private|shared)(?:/[ -$&-)+-.0-~]+)*", re.IGNORECASE)
_PLAIN: Final = re.compile(rb"[!#$&'+\-.0-9A-Z^_`a-z|}~/:;<=>?@,]+")


class BadEntry(ValueError):
    """This can't be the name of an entry."""


def checked(name: bytes) -> str:
    """The name of an entry, or of the top of a tree of them; raises BadEntry."""
    text = name.decode("ascii", "replace")
    if len(text) > MAX_NAME or not _NAME.fullmatch(text):
        raise BadEntry("An entry is a path below /private or /shared, without * and %")
    return text


def is_top(name: str) -> bool:
    """True for ``/private`` and ``/shared`` themselves, which have no value."""
    return name.count("/") == 1


def is_private(name: str) -> bool:
    """True for an entry that each person has for themselves."""
    return name[: len(PRIVATE)].lower() == PRIVATE


def is_within(name: str, top: str, depth: Depth) -> bool:
    """Whether an entry is ``top`` or at most so far below it (§4.2.2), both in lower case."""
    if name == top:
        return True
    if depth == "0" or not name.startswith(top + "/"):
        return False
    return depth == "infinity" or name.count("/") == top.count("/") + 1


def metadata_line(
    mailbox: str, entries: Iterable[tuple[str, bytes | None]], *, utf8: bool = False
) -> bytes:
    """``* METADATA "INBOX" (/shared/comment "..")`` (§4.4.1); "" is the server."""
    words = b" ".join([b"%s %s" % (_entry(name), _value(value)) for name, value in entries])
    return b"* METADATA %s (%s)\r\n" % (mailbox_name(mailbox, utf8=utf8), words)


def changed_line(mailbox: str, names: Iterable[str], *, utf8: bool = False) -> bytes:
    """``* METADATA "INBOX" /shared/comment``: these entries have changed (§4.4.2)."""
    words = b" ".join(map(_entry, names))
    return b"* METADATA %s %s\r\n" % (mailbox_name(mailbox, utf8=utf8), words)


def _entry(name: str) -> bytes:
    octets = name.encode("ascii")
    return octets if _PLAIN.fullmatch(octets) else string(octets)


def _value(value: bytes | None) -> bytes:
    if value is not None and b"\0" in value:
        return b"~{%d}\r\n%s" % (len(value), value)
    return nstring(value)
