"""Texts of a message for SEARCH, read from the message itself.

What a text is, ``message.searchtext`` says. Large bodies are read piece by piece, only their
text parts and the header blocks of messages inside; what is looked for may lie across two
pieces. Memory is bounded by the piece.

RFC 3501 §6.4.4.
"""

import asyncio
import datetime as dt
import re
from collections.abc import AsyncIterator, Iterable
from typing import Final, NamedTuple

from postroom.access.fetch import Shelf, tree_of_blob
from postroom.message import dates
from postroom.message.casemap import casemap
from postroom.message.content import TextDecoder
from postroom.message.headers import MAX_HEADER
from postroom.message.part import Part
from postroom.message.scan import scan
from postroom.message.searchtext import (
    body_texts,
    head_lines,
    inner_parts,
    mapped,
    part_lines,
    readable_parts,
    values,
)

PIECE: Final = 1 << 20  # octets read at a time

_QUOTED: Final = re.compile(rb'"([^"\\]*+(?:\\.[^"\\]*+)*+)"')
_ESCAPED: Final = re.compile(rb"\\(.)")


class Needles(NamedTuple):
    """Mapped texts that are looked for or found: in bodies, in MIME header fields of parts."""

    bodies: frozenset[str]
    fields: frozenset[str] = frozenset()


class EnvelopeText:
    """The stored ENVELOPE: enough for SUBJECT and the SENT keys, without the header block.

    RFC 3501 §6.4.4 asks for "the envelope structure's SUBJECT field".
    """

    def __init__(self, envelope: bytes) -> None:
        self._envelope = envelope
        self._upper: bytes | None = None

    def subject_has(self, wanted: str) -> bool:
        """True when the decoded subject contains the mapped text."""
        if self._upper is None:
            self._upper = _plain(self._envelope)
        if _surely_lacks(self._upper, wanted):
            return False
        found = subject(self._envelope)
        return found is not None and wanted in found

    @property
    def sent(self) -> dt.date | None:
        """The day of the Date field as its writer saw it."""
        return _day(_nstring(self._envelope, 1)[0])


class HeadText:
    """A header block. It is decoded when it is first needed."""

    def __init__(self, head: bytes) -> None:
        self._head = head
        self._lines: list[str] | None = None
        self._upper: bytes | None = None

    def has(self, name: str, wanted: str) -> bool:
        """True when a field of this name contains the text, both mapped; "" is in each."""
        if self._upper is None:
            self._upper = _plain(self._head)
        if _surely_lacks(self._upper, wanted):
            return False
        return any(wanted in value for value in values(self._decoded(), name))

    def has_anywhere(self, wanted: str) -> bool:
        """True when a field contains the mapped text, in its name or its value."""
        return any(wanted in line for line in self._decoded())

    def _decoded(self) -> list[str]:
        if self._lines is None:
            self._lines = head_lines(self._head)
        return self._lines


class BodyText:
    """What was found behind the header block."""

    def __init__(self, found: Needles) -> None:
        self._found = found

    def has(self, wanted: str) -> bool:
        """True when this text, one of those that were looked for, is in the body."""
        return wanted in self._found.bodies

    def has_anywhere(self, wanted: str) -> bool:
        """The same of the body and the MIME header fields of its parts."""
        return wanted in self._found.bodies or wanted in self._found.fields


def subject(envelope: bytes) -> str | None:
    """The decoded and mapped subject of a stored ENVELOPE."""
    _, at = _nstring(envelope, 1)
    found, _ = _nstring(envelope, at + 1)
    return None if found is None else mapped(found)


def find_in(letter: bytes, wanted: Needles) -> Needles:
    """Which of these texts a whole message contains."""
    tree = scan(letter)
    return Needles(
        _found(wanted.bodies, body_texts(letter, tree)),
        _found(wanted.fields, part_lines(letter, tree)),
    )


def _found(wanted: frozenset[str], texts: Iterable[str]) -> frozenset[str]:
    left = wanted - {""}
    if left:
        for text in texts:
            left -= {one for one in left if one in text}
            if not left:
                break
    return wanted - left


async def find(shelf: Shelf, blob_id: int, wanted: Needles) -> Needles:
    """The same of a stored message, piece by piece."""
    return Needles(
        await _find_in_bodies(shelf, blob_id, wanted.bodies),
        await _find_in_fields(shelf, blob_id, wanted.fields),
    )


async def _find_in_fields(shelf: Shelf, blob_id: int, wanted: frozenset[str]) -> frozenset[str]:
    left = wanted - {""}
    if left:
        async for line in stored_part_lines(shelf, blob_id):
            left -= {one for one in left if one in line}
            if not left:
                break
    return wanted - left


async def _find_in_bodies(shelf: Shelf, blob_id: int, wanted: frozenset[str]) -> frozenset[str]:
    left = set(wanted)
    left.discard("")
    overlap = max((len(one) for one in left), default=1) - 1
    tail = ""
    async for piece, is_end in body_pieces(shelf, blob_id):
        text = tail + piece
        left -= {one for one in left if one in text}
        if not left:
            break
        tail = text[-overlap:] if overlap and not is_end else ""
    return wanted - left


async def stored_part_lines(shelf: Shelf, blob_id: int) -> AsyncIterator[str]:
    """The MIME header fields of a stored message's parts, a line each."""
    for part in inner_parts(await tree_of_blob(shelf, blob_id)):
        end = min(part.body_start, part.header_start + MAX_HEADER)
        for line in head_lines(await _read(shelf, blob_id, part.header_start, end)):
            if line:
                yield line


async def body_pieces(shelf: Shelf, blob_id: int) -> AsyncIterator[tuple[str, bool]]:
    """The texts of a stored message's body in pieces, and whether a text ends with this one."""
    for part in readable_parts(await tree_of_blob(shelf, blob_id)):
        if part.message is None:
            async for piece in _part_pieces(shelf, blob_id, part):
                yield piece
        else:
            inside = part.message
            end = min(inside.body_start, inside.header_start + MAX_HEADER)
            for line in head_lines(await _read(shelf, blob_id, inside.header_start, end)):
                yield line, True


async def _part_pieces(shelf: Shelf, blob_id: int, part: Part) -> AsyncIterator[tuple[str, bool]]:
    decoder = TextDecoder(part)
    at = part.body_start
    while at < part.end:
        block = await _read(shelf, blob_id, at, min(at + PIECE, part.end))
        if not block:
            break
        at += len(block)
        yield await asyncio.to_thread(_mapped_piece, decoder, block), False
    yield casemap(decoder.finish()), True


def _mapped_piece(decoder: TextDecoder, block: bytes) -> str:
    return casemap(decoder.feed(block))


async def _read(shelf: Shelf, blob_id: int, start: int, end: int) -> bytes:
    """Octets of head and body of a stored message."""
    source = shelf.source
    pieces = [p async for p in source.blobs.stream(source.db, blob_id, start, end - start)]
    return b"".join(pieces)


def _plain(octets: bytes) -> bytes:
    """In upper case, if what stands there is what is meant: ASCII, no encoded word."""
    return octets.upper() if octets.isascii() and b"=?" not in octets else b""


def _surely_lacks(plain: bytes, wanted: str) -> bool:
    """Settles most misses at once: letters and digits are never broken or quoted."""
    return bool(plain) and wanted.isascii() and wanted.isalnum() and wanted.encode() not in plain


def _nstring(octets: bytes, at: int) -> tuple[bytes | None, int]:
    """The string of ours that begins there (RFC 3501 §9 nstring), and where it ends."""
    if octets[at : at + 1] == b'"':
        found = _QUOTED.match(octets, at)
        if found:
            return _ESCAPED.sub(rb"\1", found[1]), found.end()
    elif octets[at : at + 1] == b"{":
        brace = octets.index(b"}", at)
        start = brace + len(b"}\r\n")
        end = start + int(octets[at + 1 : brace])
        return octets[start:end], end
    return None, at + len(b"NIL")


def _day(value: bytes | None) -> dt.date | None:
    date = dates.read(value) if value else None
    return date.local_day if date else None
