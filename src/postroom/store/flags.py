r"""Flags of an entry: five system flags as bits, keywords as one sorted text.

Keywords are compared without case and keep the spelling they came with first
(RFC 3501 §2.3.2, RFC 9051 §2.3.2). ``\Recent`` is not stored: see ``Mailbox.recent_uid``.
"""

from collections.abc import Iterable
from typing import Final

from postroom.errors import Invalid

SEEN: Final = 1
ANSWERED: Final = 2
FLAGGED: Final = 4
DELETED: Final = 8
DRAFT: Final = 16
ALL: Final = 31

MAX_KEYWORDS: Final = 100  # of one message
MAX_KEYWORD_OCTETS: Final = 4096  # of one message, all together


def join_keywords(keywords: Iterable[str]) -> str:
    """The text that is stored: sorted, one blank between, without doubles."""
    chosen: dict[str, str] = {}
    for keyword in sorted(keywords):
        chosen.setdefault(keyword.casefold(), keyword)
    return _checked(chosen)


def with_keywords(stored: str, added: Iterable[str]) -> str:
    """``stored`` and those of ``added`` that it lacks."""
    chosen = {keyword.casefold(): keyword for keyword in stored.split()}
    for keyword in sorted(added):
        chosen.setdefault(keyword.casefold(), keyword)
    return _checked(chosen)


def without_keywords(stored: str, removed: Iterable[str]) -> str:
    """``stored`` without ``removed``."""
    gone = {keyword.casefold() for keyword in removed}
    return " ".join(keyword for keyword in stored.split() if keyword.casefold() not in gone)


def has_keyword(stored: str, keyword: str) -> bool:
    """True when ``keyword`` is one of ``stored``."""
    return bool(stored) and keyword.casefold() in stored.casefold().split()


def _checked(chosen: dict[str, str]) -> str:
    text = " ".join(sorted(chosen.values()))
    if len(chosen) > MAX_KEYWORDS or len(text) > MAX_KEYWORD_OCTETS:
        raise Invalid(f"a message holds at most {MAX_KEYWORDS} keywords; remove some first")
    return text
