"""What a server offers: its answer to EHLO or LHLO as a value.

Reading never fails: what is unknown or makes no sense counts as not offered.

RFC 5321 §4.1.1.1 (ehlo-line), RFC 1870 (SIZE), RFC 2920 (PIPELINING), RFC 3030 (CHUNKING), RFC
3207 (STARTTLS), RFC 3461 (DSN), RFC 4954 (AUTH), RFC 6152 (8BITMIME), RFC 6531 (SMTPUTF8), RFC
8689 (REQUIRETLS), RFC 9422 (LIMITS).
"""

import re
from collections.abc import Sequence
from typing import Final

import msgspec

MAX_SIZE: Final = (1 << 63) - 1
_LIMIT: Final = re.compile(r"[1-9][0-9]{0,5}")  # RFC 9422 §3: at most six digits
_SIZE: Final = re.compile(r"[0-9]{1,20}")  # RFC 1870 §4
_MECHANISM: Final = re.compile(r"[A-Z0-9_-]{1,20}")  # RFC 4422 §3.1


class Extensions(msgspec.Struct, frozen=True, kw_only=True):
    """The extensions of one server. The default is what a server offers after HELO.

    ``size`` is None when SIZE is not offered, 0 when the server has no fixed limit. The
    limits are None where there is none: messages a connection, recipients a message,
    domains of recipients a message (RFC 9422 §4).
    """

    name: str = ""
    pipelining: bool = False
    size: int | None = None
    eightbitmime: bool = False
    smtputf8: bool = False
    chunking: bool = False
    dsn: bool = False
    starttls: bool = False
    requiretls: bool = False
    auth: frozenset[str] = frozenset()
    mailmax: int | None = None
    rcptmax: int | None = None
    rcptdomainmax: int | None = None


def parse_extensions(lines: Sequence[str]) -> Extensions:
    """The lines of a positive reply to EHLO or LHLO; the first one holds the name."""
    offered: dict[str, list[str]] = {}
    auth: set[str] = set()
    for line in lines[1:]:
        keyword, *words = line.upper().replace("AUTH=", "AUTH ", 1).split() or [""]
        if keyword == "AUTH":  # "AUTH=PLAIN" is the form before RFC 2554, still about
            auth.update(filter(_MECHANISM.fullmatch, words))
        else:
            offered.setdefault(keyword, words)
    limits = _limits(offered.get("LIMITS", []))
    return Extensions(
        name=_first_word(lines),
        pipelining="PIPELINING" in offered,
        size=_size(offered.get("SIZE")),
        eightbitmime="8BITMIME" in offered,
        smtputf8="SMTPUTF8" in offered,
        chunking="CHUNKING" in offered,
        dsn="DSN" in offered,
        starttls="STARTTLS" in offered,
        requiretls="REQUIRETLS" in offered,
        auth=frozenset(auth),
        mailmax=limits.get("MAILMAX"),
        rcptmax=limits.get("RCPTMAX"),
        rcptdomainmax=limits.get("RCPTDOMAINMAX"),
    )


def _first_word(lines: Sequence[str]) -> str:
    words = lines[0].split(maxsplit=1) if lines else []
    return words[0] if words else ""


def _size(words: list[str] | None) -> int | None:
    """RFC 1870 §4: without a number, or with 0, there is no fixed limit."""
    if words is None:
        return None
    if not words or not _SIZE.fullmatch(words[0]):
        return 0
    return min(int(words[0]), MAX_SIZE)


def _limits(words: list[str]) -> dict[str, int]:
    """RFC 9422 §3: NAME=number; others may follow some day."""
    limits: dict[str, int] = {}
    for word in words:
        name, _, value = word.partition("=")
        if _LIMIT.fullmatch(value):
            limits.setdefault(name, int(value))
    return limits
