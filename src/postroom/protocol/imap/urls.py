"""IMAP URLs that name a message, or a part of one, on this very server.

Relative ones: ``/Drafts;UIDVALIDITY=3/;UID=20/;SECTION=1.2/;PARTIAL=0.1024``, and
``;UID=20`` for a message of the selected mailbox.

RFC 5092 §6, §7, §11; RFC 4469 §3.
"""

import re
from typing import Final
from urllib.parse import unquote_to_bytes

import msgspec

from postroom.protocol.imap.fetch import WHOLE, Section
from postroom.protocol.imap.names import BadName, decode_name
from postroom.protocol.imap.parse_fetch import read_section
from postroom.protocol.imap.sets import MAX_NUMBER
from postroom.protocol.imap.tokens import BadSyntax, Reader

MAX_URL: Final = 8192  # octets

_URL: Final = re.compile(
    rb"(?:/(?P<mailbox>[^;?#]*+)(?:;UIDVALIDITY=(?P<uidvalidity>[1-9][0-9]{0,9})/)?)?"
    rb";UID=(?P<uid>[1-9][0-9]{0,9})"
    rb"(?:/;SECTION=(?P<section>[^;?#]*+))?"
    rb"(?:(?P<slash>/?);PARTIAL=(?P<start>[0-9]{1,19})(?:\.(?P<length>[1-9][0-9]{0,18}))?)?",
    re.IGNORECASE,
)
_PRINTABLE: Final = re.compile(rb"[\x21-\x7e]*+")
_BAD_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")


class BadUrl(ValueError):
    """The octets are no URL of a message here."""


class MessageUrl(msgspec.Struct, frozen=True):
    """What a URL names. ``mailbox`` None is the selected one; ``partial`` (start, length)."""

    mailbox: str | None
    uidvalidity: int | None
    uid: int
    section: Section = WHOLE
    partial: tuple[int, int | None] | None = None


def parse_url(url: bytes) -> MessageUrl:
    """Read a relative URL of a message; raises BadUrl and nothing else."""
    match = _URL.fullmatch(url) if len(url) <= MAX_URL else None
    if match is None or not _PRINTABLE.fullmatch(url) or _BAD_ESCAPE.search(url):
        raise BadUrl("it is no relative URL of a message")
    section, start, length = match["section"], match["start"], match["length"]
    if start is not None and section is not None:
        section = _without_slash(section)
    elif start is not None and not match["slash"]:
        raise BadUrl("a slash is missing")
    if max(int(match["uid"]), int(match["uidvalidity"] or 0)) > MAX_NUMBER:
        raise BadUrl("a number is too large")
    return MessageUrl(
        _mailbox(match),
        int(match["uidvalidity"]) if match["uidvalidity"] else None,
        int(match["uid"]),
        WHOLE if section is None else _section(section),
        None if start is None else (int(start), int(length) if length else None),
    )


def quoted(url: bytes) -> bytes:
    """The URL as it may stand in a response code (RFC 4469 §5): no "]", nothing unprintable."""
    return b"".join(
        [
            bytes((octet,)) if 0x21 <= octet <= 0x7E and octet != 0x5D else b"%%%02X" % octet
            for octet in url[:1000]
        ]
    )


def _mailbox(match: re.Match[bytes]) -> str | None:
    written = match["mailbox"]
    if written is None:
        return None
    if not match["uidvalidity"]:
        written = _without_slash(written)
    try:
        name = decode_name(unquote_to_bytes(written), utf8=True)
    except BadName as error:
        raise BadUrl(str(error)) from None
    if not name:
        raise BadUrl("the mailbox has no name")
    return name


def _without_slash(text: bytes) -> bytes:
    if not text.endswith(b"/"):
        raise BadUrl("a slash is missing")
    return text[:-1]


def _section(text: bytes) -> Section:
    reader = Reader(unquote_to_bytes(text))
    try:
        section, _ = read_section(reader)
        reader.end()
    except BadSyntax as error:
        raise BadUrl(str(error)) from None
    if section == WHOLE:
        raise BadUrl("the section is empty")
    return section
