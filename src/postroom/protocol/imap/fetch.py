"""The items of a FETCH: what ``access.fetch`` looks up and the door writes.

An item is an ``Attribute`` (a fact about the message) or ``Content`` (a piece of it). Macros are written out by the parser (RFC 3501 §6.4.5).
"""

import enum
from typing import Literal

import msgspec


class Attribute(enum.Enum):
    """A fact about a message; the value is its name in the FETCH response."""

    FLAGS = b"FLAGS"
    UID = b"UID"
    MODSEQ = b"MODSEQ"  # RFC 7162 §3.1.4.2
    INTERNALDATE = b"INTERNALDATE"
    SAVEDATE = b"SAVEDATE"  # RFC 8514
    EMAILID = b"EMAILID"  # RFC 8474
    THREADID = b"THREADID"
    SIZE = b"RFC822.SIZE"
    PREVIEW = b"PREVIEW"  # RFC 8970
    PREVIEW_LAZY = b"PREVIEW (LAZY)"  # only if that is no work
    ENVELOPE = b"ENVELOPE"
    BODY = b"BODY"  # BODYSTRUCTURE without extension data
    BODYSTRUCTURE = b"BODYSTRUCTURE"


# "" is the whole part (or message); MIME needs a path, RFC 3501 §6.4.5
Piece = Literal["", "HEADER", "HEADER.FIELDS", "HEADER.FIELDS.NOT", "TEXT", "MIME"]


class Section(msgspec.Struct, frozen=True):
    """``path`` () is the message itself; (1, 2) is part 2 of part 1. Fields are lower-case."""

    path: tuple[int, ...] = ()
    piece: Piece = ""
    fields: tuple[str, ...] = ()


WHOLE: Section = Section()


class Octets(msgspec.Struct, frozen=True):
    r"""``BODY[section]<start.length>`` and the RFC822 forms.

    ``label`` is the name in the response: ``BODY[TEXT]<0>``, ``RFC822.HEADER``.
    ``partial`` is (start, length); a start behind the end yields an empty string.
    Without ``peek`` the fetch sets \\Seen.
    """

    section: Section
    label: bytes
    partial: tuple[int, int] | None = None
    peek: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether it is all of the message."""
        return self.partial is None and self.section == WHOLE


class Binary(msgspec.Struct, frozen=True):
    """``BINARY[path]<start.length>``: a part without its transfer encoding (RFC 3516)."""

    path: tuple[int, ...]
    label: bytes
    partial: tuple[int, int] | None = None
    peek: bool = False


class BinarySize(msgspec.Struct, frozen=True):
    """``BINARY.SIZE[path]``: how many octets BINARY has (RFC 3516)."""

    path: tuple[int, ...]
    label: bytes


Content = Octets | Binary | BinarySize  # what is looked up in the message itself
FetchItem = Attribute | Content

HEADER: Section = Section(piece="HEADER")
TEXT: Section = Section(piece="TEXT")
