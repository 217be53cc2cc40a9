"""What mail is brought from: folders, and messages one after the other.

A source reads files or asks a server, keeps no more than one message in memory, and never
stops at a message that it can't read: it says so and goes on.
"""

import re
from collections.abc import Callable, Generator, Iterable, Sequence
from typing import IO, Final, Protocol

import msgspec

from postroom.errors import Invalid
from postroom.store.flags import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN, join_keywords

LATEST: Final = 253_402_300_799_000  # the end of the year 9999, ms

_KEYWORD: Final = re.compile(r"[!#$&'+,\-.0-9:;<=>?@A-Z\[^_`a-z|}~/]{1,255}")


class Folder(msgspec.Struct, frozen=True):
    r"""A mailbox of the source under the name it is to have here, "/" between its levels.

    ``special_use`` is one of RFC 6154 or "". ``place`` is where the source finds it.
    """

    name: str
    place: str
    special_use: str = ""
    subscribed: bool = True


class Found(msgspec.Struct, frozen=True):
    """A message: ``content`` opens its octets, once, with any line ends.

    ``origin`` says for people where it is. ``size`` in octets, roughly. ``received`` in ms.
    ``weight``: by how much the source has come on with it. ``uid``: at an IMAP server.
    """

    origin: str
    content: Callable[[], IO[bytes]]
    size: int
    received: int
    flags: int = 0
    keywords: str = ""
    weight: int = 1
    uid: int = 0


class LeftOut(msgspec.Struct, frozen=True):
    """Something that can't be brought over, and why; it stays where it is."""

    origin: str
    reason: str
    weight: int = 0


Items = Generator[Found | LeftOut, None, None]


class FileSource(Protocol):
    """Where mail comes from on this machine. ``total`` is the weight of everything, roughly."""

    @property
    def total(self) -> int:
        """The sum of the weights, 0 where nobody knows."""

    @property
    def folders(self) -> Sequence[Folder]:
        """Every folder, also empty ones."""

    def messages(self, folder: Folder) -> Items:
        """The messages of a folder in their order. Blocks: for a thread."""


FLAG_LETTERS: Final = {"D": DRAFT, "F": FLAGGED, "R": ANSWERED, "S": SEEN, "T": DELETED}


def keywords(words: Iterable[str]) -> str:
    """Those that IMAP can say (RFC 9051 §9, flag-keyword), as they are stored; none of too many."""
    try:
        return join_keywords(word for word in words if _KEYWORD.fullmatch(word))
    except Invalid:
        return ""


def moment(ms: float) -> int:
    """A time that IMAP can say, in ms."""
    return max(0, min(int(ms), LATEST))
