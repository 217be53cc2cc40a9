"""What is typed into the search of a mailbox, as a SEARCH (RFC 9051 §6.4.4).

Each word has to be somewhere in a message; "several words" between quotation marks are one, and
``-`` before a word means that it must not be there. ``from:``, ``to:``, ``cc:`` and ``subject:``
before a word look there only; ``is:unread``, ``is:read``, ``is:flagged`` and ``is:answered`` look at
flags, ``has:files`` for multipart/mixed; ``before:``, ``on:`` and ``after:`` at the day when it came,
``larger:`` and ``smaller:`` at its size, ``thread:`` at the Message-ID that a conversation began with.
"""

import datetime as dt
import re
from collections.abc import Callable, Mapping
from typing import Final

from postroom.errors import Invalid
from postroom.protocol.imap.search import (
    ANSWERED,
    FLAGGED,
    SEEN,
    All,
    And,
    Comparison,
    Flag,
    Header,
    Larger,
    Not,
    Or,
    Received,
    SearchKey,
    Smaller,
    Subject,
    Text,
)

MAX_WORDS: Final = 20
MAX_QUERY: Final = 500  # characters

_STATES: Final[Mapping[str, SearchKey]] = {
    "unread": Flag(SEEN, is_set=False),
    "read": Flag(SEEN),
    "flagged": Flag(FLAGGED),
    "answered": Flag(ANSWERED),
}
_DAYS: Final[Mapping[str, Comparison]] = {"before": "before", "on": "on", "after": "since"}
_SIZE: Final = re.compile(r"(\d{1,9}) ?([kmg]?)b?", re.IGNORECASE)
_UNITS: Final = {"": 0, "k": 10, "m": 20, "g": 30}


def sought(query: str) -> SearchKey:
    """The key of a query; of an empty one every message. Raises Invalid."""
    if len(query) > MAX_QUERY:
        raise Invalid(f"a search has at most {MAX_QUERY} characters")
    keys = [_key(found) for found in _WORD.finditer(query) if found[3] or found[4]]
    if len(keys) > MAX_WORDS:
        raise Invalid(
            f"a search has at most {MAX_WORDS} words; put a phrase between quotation marks"
        )
    return And(tuple(keys)) if keys else All()


def _key(found: re.Match[str]) -> SearchKey:
    field, word = (found[2] or "").lower(), found[3] or found[4]
    key = _FIELDS[field](field, word) if field else Text(word)
    if key is None:
        key = Text(f"{found[2]}:{word}")
    return Not(key) if found[1] else key


def _header(field: str, word: str) -> SearchKey:
    return Header(field, word)


def _to(_field: str, word: str) -> SearchKey:
    return Or(Header("to", word), Header("cc", word))


def _subject(_field: str, word: str) -> SearchKey:
    return Subject(word)


def _thread(_field: str, word: str) -> SearchKey:
    return Or(Header("message-id", word), Header("references", word))


def _state(_field: str, word: str) -> SearchKey | None:
    return _STATES.get(word.lower())


def _files(_field: str, word: str) -> SearchKey | None:
    is_of_files = word.lower() in ("files", "file", "attachment", "attachments")
    return Header("content-type", "multipart/mixed") if is_of_files else None


def _day(field: str, word: str) -> SearchKey:
    try:
        day = dt.date.fromisoformat(word.replace("/", "-"))
    except ValueError:
        raise Invalid(f"{field}:{word} names no day; write it like {field}:2026-11-24") from None
    return Received(_DAYS[field], day)


def _size(field: str, word: str) -> SearchKey:
    found = _SIZE.fullmatch(word)
    if found is None:
        raise Invalid(f"{field}:{word} names no size; write it like {field}:5M")
    octets = int(found[1]) << _UNITS[found[2].lower()]
    return Larger(octets) if field == "larger" else Smaller(octets)


_FIELDS: Final[Mapping[str, Callable[[str, str], SearchKey | None]]] = {
    "from": _header,
    "cc": _header,
    "to": _to,
    "subject": _subject,
    "thread": _thread,
    "is": _state,
    "has": _files,
    **dict.fromkeys(_DAYS, _day),
    "larger": _size,
    "smaller": _size,
}
_WORD: Final = re.compile(
    rf'(-)?(?:({"|".join(_FIELDS)}):)?(?:"([^"]*)"?|(\S+))',
    re.IGNORECASE,
)
