"""Pages of the search index: the texts of some messages, side by side, to be looked through.

A page has columns: the values of five header fields, the header blocks, the bodies. In a
column the texts of the messages follow each other, so a column is searched with one find
after the other, not message by message. The texts are UTF-8, so the octets that UTF-8
never uses can stand between them: what is looked for is never found across two texts.

Header blocks and bodies are compressed, the few octets of the fields are not: to undo that
would take longer than to search them. A signature tells what no body of the page holds.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from postroom.blobs import zstd
from postroom.store.signature import signature

FIELDS: Final = ("SUBJECT", "FROM", "TO", "CC", "BCC")  # have columns of their own
MOST_LETTERS: Final = 16  # in a page
MOST_OCTETS: Final = 64 * 1024  # of texts in a page, but one message always fits

_COLUMN: Final = b"\xfd"
_TEXT: Final = b"\xfe"  # between two texts of one message
_LETTER: Final = b"\xff"
_ID: Final = 8  # octets
_SIZE: Final = 4
_ODD: Final = bytes(range(1, 256, 2))


class LetterText(msgspec.Struct, frozen=True):
    """The texts of one message; ``is_whole``: nothing was left out.

    ``fields`` are those of ``FIELDS``, in their order.
    """

    message_id: int
    is_whole: bool
    fields: tuple[bytes, ...]
    head: bytes
    body: bytes

    @property
    def size(self) -> int:
        """Octets of the texts."""
        return len(self.head) + len(self.body)


class StoredPage(msgspec.Struct, frozen=True):
    """A row: the texts of messages with ids up to ``upto``."""

    upto: int
    letters: int
    octets: int
    ids: bytes
    signature: bytes
    fields: bytes
    heads: bytes
    bodies: bytes


def encoded(texts: Iterable[str]) -> bytes:
    """Texts of one message in a column. Lone surrogates, which UTF-7 can say, stay."""
    return _TEXT.join([text.encode("utf-8", "surrogatepass") for text in texts])


def cut(letters: Sequence[LetterText], upto: int) -> list[StoredPage]:
    """The pages for messages in the order of their ids.

    Each ends at its last message, the last page at ``upto``.
    """
    pages: list[StoredPage] = []
    held: list[LetterText] = []
    for letter in letters:
        if held and is_full(len(held), sum([one.size for one in held]) + letter.size):
            pages.append(_stored(held, held[-1].message_id))
            held = []
        held.append(letter)
    if held:
        pages.append(_stored(held, upto))
    return pages


def is_full(letters: int, octets: int) -> bool:
    """True when a page of so many messages and octets takes no more."""
    return letters >= MOST_LETTERS or octets > MOST_OCTETS


def taken_apart(page: StoredPage) -> list[LetterText]:
    """The messages of a page. Raises ValueError when it is damaged."""
    fields = [column.split(_LETTER) for column in field_columns(page.fields)]
    heads = unpacked(page.heads).split(_LETTER)
    bodies = unpacked(page.bodies).split(_LETTER)
    return [
        LetterText(ident, is_whole, values, head, body)
        for (ident, is_whole), values, head, body in zip(
            message_ids(page.ids), zip(*fields, strict=True), heads, bodies, strict=True
        )
    ]


def message_ids(ids: bytes) -> list[tuple[int, bool]]:
    """(id, is_whole) of the messages of a page."""
    return [
        (number >> 1, bool(number & 1)) for number in struct.unpack(f">{len(ids) // _ID}Q", ids)
    ]


def are_whole(ids: bytes) -> bool:
    """True when nothing was left out of any message of a page."""
    return not ids[_ID - 1 :: _ID].translate(None, _ODD)


def unpacked(column: bytes) -> bytes:
    """The octets of a compressed column. Raises ValueError when it is damaged."""
    return zstd.unpack(column[_SIZE:], int.from_bytes(column[:_SIZE]))


def field_columns(column: bytes) -> list[bytes]:
    """The columns of ``FIELDS``."""
    return column.split(_COLUMN)


def holders(column: bytes, wanted: bytes) -> Iterator[int]:
    """The numbers, from 0, of the messages that hold what is wanted, ascending."""
    number = counted = 0
    at = column.find(wanted)
    while at >= 0:
        number += column.count(_LETTER, counted, at)
        yield number
        counted = column.find(_LETTER, at)
        if counted < 0:
            return
        at = column.find(wanted, counted)


def field_holders(heads: bytes, name: bytes, wanted: bytes) -> Iterator[int]:
    """The same for the value of a header field; "" is in every field of that name."""
    sought = wanted or name
    number = counted = 0
    at = heads.find(sought)
    while at >= 0:
        number += heads.count(_LETTER, counted, at)
        start, end = _line_around(heads, counted, at)
        counted = end
        written, colon, value = heads[start:end].partition(b":")
        if colon and written.rstrip(b" \t") == name and wanted in value.strip(b" \t\r"):
            yield number
            counted = heads.find(_LETTER, end)
            if counted < 0:
                return
        at = heads.find(sought, counted)


def _line_around(heads: bytes, low: int, at: int) -> tuple[int, int]:
    """Where the text begins and ends that holds ``at``; it does not begin before ``low``."""
    before = max(heads.rfind(_TEXT, low, at), heads.rfind(_LETTER, low, at))
    end = heads.find(_TEXT, at)
    end = len(heads) if end < 0 else end
    letter_end = heads.find(_LETTER, at, end)
    return (low if before < 0 else before + 1), (end if letter_end < 0 else letter_end)


def _stored(letters: Sequence[LetterText], upto: int) -> StoredPage:
    columns = [
        _LETTER.join(column) for column in zip(*[one.fields for one in letters], strict=True)
    ]
    bodies = _LETTER.join([one.body for one in letters])
    numbers = [one.message_id << 1 | one.is_whole for one in letters]
    packed = [
        struct.pack(f">{len(numbers)}Q", *numbers),
        signature(bodies),
        _COLUMN.join(columns),
        _packed(_LETTER.join([one.head for one in letters])),
        _packed(bodies),
    ]
    return StoredPage(upto, len(letters), sum(map(len, packed)), *packed)


def _packed(octets: bytes) -> bytes:
    return len(octets).to_bytes(_SIZE) + zstd.pack(octets)
