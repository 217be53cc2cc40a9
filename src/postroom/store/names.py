"""Names of mailboxes: which are good, and the one form they are kept in.

A name is Unicode text in NFC with "/" between its levels. It lives in the database only
and never becomes a path; names that look like one are refused all the same, so that no
export or import ever trips over them. INBOX is written in any case, also as the first
level of another name (RFC 3501 §5.1). RFC 5198 (NFC), RFC 9051 §5.1.
"""

import unicodedata
from collections.abc import Iterator
from typing import Final

from postroom.errors import Invalid

INBOX: Final = "INBOX"
SEPARATOR: Final = "/"
MAX_LEVEL: Final = 255  # octets of UTF-8
MAX_NAME: Final = 1000  # octets of UTF-8

_REFUSED_CATEGORIES: Final = frozenset({"Cc", "Cs", "Cn", "Zl", "Zp"})
_REFUSED_LETTERS: Final = frozenset("*%\\")  # LIST wildcards, and what needs care in quoted strings


def canonical(name: str) -> str:
    """The form under which a mailbox is looked up: NFC, INBOX in capitals."""
    name = unicodedata.normalize("NFC", name)
    first, separator, rest = name.partition(SEPARATOR)
    return INBOX + separator + rest if first.upper() == INBOX else name


def checked(name: str) -> str:
    """The canonical form of a name for a new mailbox; raises Invalid."""
    name = canonical(name)
    if len(name.encode("utf-8", "surrogatepass")) > MAX_NAME:
        raise Invalid(f"a mailbox name has at most {MAX_NAME} octets")
    for letter in name:
        if letter in _REFUSED_LETTERS or unicodedata.category(letter) in _REFUSED_CATEGORIES:
            raise Invalid(f"a mailbox name must not contain the character U+{ord(letter):04X}")
    if name[:1] in {"~", "#"}:
        raise Invalid('a mailbox name must not begin with "~" or "#"')
    for level in name.split(SEPARATOR):
        _check_level(level)
    return name


def superiors(name: str) -> Iterator[str]:
    """``a/b/c`` has the superiors ``a`` and ``a/b``, the highest first."""
    at = name.find(SEPARATOR)
    while at >= 0:
        yield name[:at]
        at = name.find(SEPARATOR, at + 1)


def _check_level(level: str) -> None:
    if not level or level != level.strip():
        raise Invalid("a level of a mailbox name must not be empty or begin or end with a blank")
    if level in {".", ".."}:
        raise Invalid('a level of a mailbox name must not be "." or ".."')
    if len(level.encode()) > MAX_LEVEL:
        raise Invalid(f"a level of a mailbox name has at most {MAX_LEVEL} octets")
