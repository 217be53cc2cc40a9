"""The tree of a SEARCH: what ``access.search`` evaluates (RFC 3501 §6.4.4).

Strings are decoded text (the charset is settled by the parser); they match as
substrings without case. ``read_criteria`` bounds the tree, so its depth is at most
``MAX_DEPTH`` and it has at most ``MAX_KEYS`` keys.

RFC 3501 §6.4.4 names that are short for others are written out: NEW is ``And((
Recent(True), Flag(SEEN, is_set=False)))``, OLD is ``Recent(False)``, FROM is
``Header("from", ..)``.
"""

import datetime as dt
from collections.abc import Iterator
from typing import Final, Literal

import msgspec

from postroom.protocol.imap.sets import Ranges

MAX_DEPTH: Final = 100
MAX_KEYS: Final = 1000

SEEN: Final = 1
ANSWERED: Final = 2
FLAGGED: Final = 4
DELETED: Final = 8
DRAFT: Final = 16

Comparison = Literal["before", "on", "since"]


class All(msgspec.Struct, frozen=True):
    """Every message of the mailbox."""


class And(msgspec.Struct, frozen=True):
    """All of the keys match."""

    keys: "tuple[SearchKey, ...]"


class Or(msgspec.Struct, frozen=True):
    """At least one of the two matches."""

    left: "SearchKey"
    right: "SearchKey"


class Not(msgspec.Struct, frozen=True):
    """The key does not match."""

    key: "SearchKey"


class Flag(msgspec.Struct, frozen=True):
    r"""A system flag is (not) set: one bit of ``SEEN .. DRAFT``."""

    bit: int
    is_set: bool = True


class Keyword(msgspec.Struct, frozen=True):
    """A keyword is (not) set; its name is compared without case."""

    name: str
    is_set: bool = True


class Recent(msgspec.Struct, frozen=True):
    r"""\Recent is (not) set."""

    is_set: bool = True


class Header(msgspec.Struct, frozen=True):
    """A header field contains the text; empty text: the field exists. ``name`` is lower-case."""

    name: str
    text: str


class Subject(msgspec.Struct, frozen=True):
    """The subject of the ENVELOPE contains the text, which is the first field of that name."""

    text: str


class Body(msgspec.Struct, frozen=True):
    """The body (without the header block) contains the text."""

    text: str


class Text(msgspec.Struct, frozen=True):
    """Header block or body contain the text."""

    text: str


class Received(msgspec.Struct, frozen=True):
    """INTERNALDATE against a day: BEFORE, ON, SINCE (time and zone disregarded)."""

    comparison: Comparison
    day: dt.date


class Sent(msgspec.Struct, frozen=True):
    """The Date field against a day: SENTBEFORE, SENTON, SENTSINCE (time and zone disregarded)."""

    comparison: Comparison
    day: dt.date


class Saved(msgspec.Struct, frozen=True):
    """When the message came into this mailbox, by day: SAVEDBEFORE, SAVEDON, SAVEDSINCE.

    RFC 8514 §4.3.
    """

    comparison: Comparison
    day: dt.date


class Within(msgspec.Struct, frozen=True):
    """INTERNALDATE against now less ``seconds``: YOUNGER, or OLDER (RFC 5032)."""

    seconds: int
    is_older: bool


class Larger(msgspec.Struct, frozen=True):
    """RFC822.SIZE is greater than this."""

    octets: int


class Smaller(msgspec.Struct, frozen=True):
    """RFC822.SIZE is less than this."""

    octets: int


class Modseq(msgspec.Struct, frozen=True):
    """The MODSEQ is this or greater (RFC 7162 §3.1.5); 0 is every message."""

    modseq: int


class EmailId(msgspec.Struct, frozen=True):
    """The message has this identifier (RFC 8474 §6); 0 is that of none."""

    number: int


class ThreadId(msgspec.Struct, frozen=True):
    """The message is of this thread (RFC 8474 §6); 0 is none."""

    number: int


class Numbers(msgspec.Struct, frozen=True):
    """The sequence number (or UID) is in the set; see ``View.uid_ranges``."""

    ranges: Ranges
    by_uid: bool


SearchKey = (
    All
    | And
    | Or
    | Not
    | Flag
    | Keyword
    | Recent
    | Header
    | Subject
    | Body
    | Text
    | Received
    | Sent
    | Saved
    | Within
    | Larger
    | Smaller
    | Modseq
    | EmailId
    | ThreadId
    | Numbers
)


class Criteria(msgspec.Struct, frozen=True):
    """What a command searches for.

    ``knows_charset`` False: the strings are in a charset that is not known, so the tree
    can't be searched for (``NO [BADCHARSET ..]``, RFC 3501 §6.4.4).
    """

    key: SearchKey
    knows_charset: bool = True


def names_modseq(tree: SearchKey) -> bool:
    """Whether the MODSEQ criterion stands anywhere in a search: its answer tells one then."""
    return any(isinstance(key, Modseq) for key in leaves(tree))


def names_numbers(tree: SearchKey) -> bool:
    """Whether message numbers stand in a search: it must not tell of expunges then.

    RFC 7162 §3.2.10.2.
    """
    return any(isinstance(key, Numbers) and not key.by_uid for key in leaves(tree))


def leaves(tree: SearchKey) -> Iterator[SearchKey]:
    """The keys of a tree that hold no others."""
    waiting = [tree]
    while waiting:
        match waiting.pop():
            case And(keys):
                waiting.extend(keys)
            case Or(left, right):
                waiting += [left, right]
            case Not(key):
                waiting.append(key)
            case leaf:
                yield leaf
