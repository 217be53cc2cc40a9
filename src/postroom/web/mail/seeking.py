"""What is typed into the search of a mailbox, as a SEARCH (RFC 9051 §6.4.4).

Each word has to be somewhere in a message; "several words" between quotation marks are one.
``from:``, ``to:`` and ``subject:`` before a word look there only, ``is:unread`` and
``is:flagged`` look at flags, ``has:files`` for multipart/mixed.
"""

import re
from typing import Final

from postroom.errors import Invalid
from postroom.protocol.imap.search import (
    FLAGGED,
    SEEN,
    All,
    And,
    Flag,
    Header,
    Or,
    SearchKey,
    Subject,
    Text,
)

MAX_WORDS: Final = 20
MAX_QUERY: Final = 500  # characters

_WORD: Final = re.compile(r'(?:(from|to|subject|is|has):)?(?:"([^"]*)"?|(\S+))', re.IGNORECASE)
_STATES: Final[dict[str, SearchKey]] = {
    "unread": Flag(SEEN, is_set=False),
    "read": Flag(SEEN),
    "flagged": Flag(FLAGGED),
}


def sought(query: str) -> SearchKey:
    """The key of a query; of an empty one every message. Raises Invalid."""
    if len(query) > MAX_QUERY:
        raise Invalid(f"a search has at most {MAX_QUERY} characters")
    keys = [_key(found) for found in _WORD.finditer(query) if found[2] or found[3]]
    if len(keys) > MAX_WORDS:
        raise Invalid(
            f"a search has at most {MAX_WORDS} words; put a phrase between quotation marks"
        )
    return And(tuple(keys)) if keys else All()


def _key(found: re.Match[str]) -> SearchKey:
    field, word = (found[1] or "").lower(), found[2] or found[3]
    if field == "from":
        return Header("from", word)
    if field == "to":
        return Or(Header("to", word), Header("cc", word))
    if field == "subject":
        return Subject(word)
    if field == "is" and word.lower() in _STATES:
        return _STATES[word.lower()]
    if field == "has" and word.lower() in ("files", "file", "attachment"):
        return Header("content-type", "multipart/mixed")
    return Text(f"{found[1]}:{word}" if field else word)
