"""Texts of a message for SEARCH: header fields and body parts, decoded and mapped (``casemap``).

Bodies are read piece by piece, only their text parts and the header blocks of messages
inside; what is looked for may lie across two pieces. Memory is bounded by the piece.

RFC 3501 §6.4.4, RFC 2047, RFC 2045 §6.
"""

import asyncio
import datetime as dt
import re
from typing import Final

from postroom.access.fetch import tree_of_blob
from postroom.access.view import View
from postroom.message import dates, headers
from postroom.message.casemap import casemap
from postroom.message.charset import decode_words
from postroom.message.content import TextDecoder
from postroom.message.part import Part
from postroom.message.scan import scan

PIECE: Final = 1 << 20  # octets read at a time
SMALL: Final = 64 * 1024  # octets of a letter that is searched on the event loop
MAX_HEADER: Final = 256 * 1024  # octets of a header block inside that are looked at

_QUOTED: Final = re.compile(rb'"([^"\\]*+(?:\\.[^"\\]*+)*+)"')
_ESCAPED: Final = re.compile(rb"\\(.)")


class EnvelopeText:
    """The stored ENVELOPE: enough for SUBJECT and the SENT keys, without the header block.

    RFC 3501 §6.4.4 asks for "the envelope structure's SUBJECT field".
    """

    def __init__(self, envelope: bytes) -> None:
        self._envelope = envelope
        self._upper: bytes | None = None

    def subject_has(self, mapped: str) -> bool:
        """True when the decoded subject contains the text."""
        if self._upper is None:
            self._upper = _plain(self._envelope)
        if _surely_lacks(self._upper, mapped):
            return False
        _, at = _nstring(self._envelope, 1)
        subject, _ = _nstring(self._envelope, at + 1)
        return subject is not None and mapped in _mapped(subject)

    @property
    def sent(self) -> dt.date | None:
        """The day of the Date field as its writer saw it."""
        return _day(_nstring(self._envelope, 1)[0])


class HeadText:
    """A header block. Values are decoded when they are first asked for."""

    def __init__(self, head: bytes) -> None:
        self._head = head
        self._values: dict[str, list[str]] = {}
        self._all: str | None = None
        self._upper: bytes | None = None

    def has(self, name: str, mapped: str) -> bool:
        """True when a field of this lower-case name contains the text; "" is in every field."""
        if self._upper is None:
            self._upper = _plain(self._head)
        if _surely_lacks(self._upper, mapped):
            return False
        values = self._values.get(name)
        if values is None:
            found = headers.values(self._head, name.encode("utf-8", "replace"))
            values = self._values[name] = [_mapped(value) for value in found]
        return any(mapped in value for value in values)

    def has_anywhere(self, mapped: str) -> bool:
        """True when the header block contains the text, decoded."""
        if self._all is None:
            self._all = _head_mapped(self._head)
        return mapped in self._all

    @property
    def sent(self) -> dt.date | None:
        """The day of the Date field as its writer saw it."""
        return _day(headers.value(self._head, b"date"))


class BodyText:
    """What was found in a body."""

    def __init__(self, found: frozenset[str]) -> None:
        self._found = found

    def has(self, mapped: str) -> bool:
        """True when this text, one of those that ``find`` looked for, was in the body."""
        return mapped in self._found


async def find(view: View, blob_id: int, size: int, needles: frozenset[str]) -> frozenset[str]:
    """Which of these casemapped texts a stored letter's body contains.

    ``size`` says whether the letter is read at once or by pieces.
    """
    sought = _Sought(needles)
    if size <= PIECE:
        letter = await _read(view, blob_id, 0, PIECE)
        if size <= SMALL:
            _find_in_letter(letter, sought)
        else:
            await asyncio.to_thread(_find_in_letter, letter, sought)
        return needles - sought.left
    for part in readable_parts(await tree_of_blob(view, blob_id)):
        if not sought.left:
            break
        if part.message is None:
            await _find_in_part(view, blob_id, part, sought)
        else:
            inside = part.message
            end = min(inside.body_start, inside.header_start + MAX_HEADER)
            sought.feed(_head_mapped(await _read(view, blob_id, inside.header_start, end)))
        sought.end()
    return needles - sought.left


def readable_parts(tree: Part) -> list[Part]:
    """The text parts and the messages inside, in their order."""
    found: list[Part] = []
    waiting = [tree]
    while waiting:
        part = waiting.pop()
        if part.content_type[0] == "text" or part.message is not None:
            found.append(part)
        waiting.extend(reversed(part.children))
        if part.message is not None:
            waiting.append(part.message)
    return found


class _Sought:
    """Texts that are looked for in a stream of pieces."""

    def __init__(self, needles: frozenset[str]) -> None:
        self.left = set(needles)
        self.left.discard("")
        self._overlap = max((len(needle) for needle in needles), default=1) - 1
        self._tail = ""

    def feed(self, text: str) -> None:
        text = self._tail + text
        self.left -= {needle for needle in self.left if needle in text}
        self._tail = text[-self._overlap :] if self._overlap else ""

    def end(self) -> None:
        """The next piece is of another part."""
        self._tail = ""


def _find_in_letter(letter: bytes, sought: _Sought) -> None:
    for part in readable_parts(scan(letter)):
        if not sought.left:
            return
        if part.message is None:
            decoder = TextDecoder(part)
            sought.feed(casemap(decoder.feed(letter[part.body_start : part.end])))
            sought.feed(casemap(decoder.finish()))
        else:
            inside = part.message
            sought.feed(_head_mapped(letter[inside.header_start : inside.body_start]))
        sought.end()


async def _find_in_part(view: View, blob_id: int, part: Part, sought: _Sought) -> None:
    decoder = TextDecoder(part)
    at = part.body_start
    while at < part.end and sought.left:
        block = await _read(view, blob_id, at, min(at + PIECE, part.end))
        if not block:
            break
        at += len(block)
        await asyncio.to_thread(_feed, sought, decoder, block)
    sought.feed(casemap(decoder.finish()))


def _feed(sought: _Sought, decoder: TextDecoder, block: bytes) -> None:
    sought.feed(casemap(decoder.feed(block)))


async def _read(view: View, blob_id: int, start: int, end: int) -> bytes:
    """Octets of head and body of a stored letter."""
    source = view.source
    pieces = [p async for p in source.blobs.stream(source.db, blob_id, start, end - start)]
    return b"".join(pieces)


def _plain(octets: bytes) -> bytes:
    """In upper case, if what stands there is what is meant: ASCII, no encoded word."""
    return octets.upper() if octets.isascii() and b"=?" not in octets else b""


def _surely_lacks(plain: bytes, mapped: str) -> bool:
    """Settles most misses at once: letters and digits are never broken or quoted."""
    return bool(plain) and mapped.isascii() and mapped.isalnum() and mapped.encode() not in plain


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


def _mapped(value: bytes) -> str:
    """Decoded, as i;unicode-casemap compares it."""
    return casemap(decode_words(value))


def _head_mapped(block: bytes) -> str:
    return _mapped(headers.unfold(block[:MAX_HEADER]))
