"""Reading GENURLAUTH, RESETKEY and URLFETCH (RFC 4467 §10, RFC 5524 §6)."""

from typing import Final

from postroom.protocol.imap.commands import GenUrlAuth, ResetKey, UrlFetch
from postroom.protocol.imap.parse_mailbox import read_mailbox
from postroom.protocol.imap.tokens import BadSyntax, Reader
from postroom.protocol.imap.urlauth import INTERNAL

MAX_URLS: Final = 50  # of one command

_WANTED: Final = frozenset((b"BODY", b"BINARY", b"BODYPARTSTRUCTURE"))


def parse_genurlauth(reader: Reader) -> GenUrlAuth:
    """Pairs of a URL and a mechanism."""
    wanted = [_pair(reader)]
    while reader.skip(b" "):
        wanted.append(_pair(reader))
        _limit(wanted)
    return GenUrlAuth(tuple(wanted))


def parse_resetkey(reader: Reader) -> ResetKey:
    """A mailbox, and mechanisms, of which there is one."""
    mailbox = read_mailbox(reader)
    while reader.skip(b" "):
        _mechanism(reader)
    return ResetKey(mailbox)


def parse_urlfetch(reader: Reader) -> UrlFetch:
    """URLs, or lists of a URL and what is wanted of it."""
    wanted = [_fetched(reader)]
    while reader.skip(b" "):
        wanted.append(_fetched(reader))
        _limit(wanted)
    return UrlFetch(tuple(wanted))


def _pair(reader: Reader) -> tuple[bytes, bytes]:
    url = reader.astring()
    reader.space()
    return url, _mechanism(reader)


def _mechanism(reader: Reader) -> bytes:
    mechanism = reader.word()
    if mechanism != INTERNAL.encode("ascii"):
        raise BadSyntax("There is no such mechanism, use INTERNAL")
    return mechanism


def _fetched(reader: Reader) -> tuple[bytes, tuple[bytes, ...]]:
    if not reader.skip(b"("):
        return reader.astring(), ()
    url = reader.astring()
    wanted: dict[bytes, None] = {}
    while not reader.skip(b")"):
        reader.space()
        word = reader.word()
        if word not in _WANTED:
            raise BadSyntax("There is nothing of that name to fetch")
        wanted[word] = None
    if {b"BODY", b"BINARY"} <= wanted.keys():
        raise BadSyntax("BODY and BINARY exclude each other")  # RFC 5524 §3
    return url, tuple(wanted) or (b"BODY",)


def _limit(wanted: list[tuple[bytes, bytes]] | list[tuple[bytes, tuple[bytes, ...]]]) -> None:
    if len(wanted) > MAX_URLS:
        raise BadSyntax("Too many URLs")
