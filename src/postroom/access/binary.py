"""Parts of a message without their transfer encoding, for FETCH BINARY.

What is small is decoded at once. Of what is large the size is found by decoding it once
without keeping anything; then it flows a second time. A part that has parts inside, or
the message itself, has nothing to decode and comes as it is.

RFC 3516, RFC 9051 §6.4.5.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import msgspec

from postroom.access.fetch import extent, octets, pieces, tree
from postroom.access.pages import FetchRow
from postroom.errors import MailError, Permanent
from postroom.message.content import transferred
from postroom.message.decoding import IDENTITY, KNOWN, Decoding, Place
from postroom.message.section import part_at
from postroom.protocol.imap.fetch import Section

SMALL: Final = 256 * 1024  # octets that are decoded at once
ON_LOOP: Final = 64 * 1024
MAX_DECODINGS: Final = 64  # large parts whose sizes a view remembers


class UnknownEncoding(Permanent):
    """The transfer encoding of a part is not known."""

    status = "5.6.1"


class Found(msgspec.Struct, frozen=True):
    """A decoded part: ``size`` in octets; ``whole`` is all of it when it is small.

    Its encoded form lies at ``start`` in the content of the message.
    """

    size: int
    has_nul: bool
    start: int
    length: int
    whole: bytes | None = None
    decoding: Decoding | None = None


async def check(row: FetchRow, path: tuple[int, ...]) -> None:
    """Raise UnknownEncoding when the part with this number can't be decoded."""
    if await extent(row, Section(path)) is not None:
        await _encoding(row, path)


async def find(row: FetchRow, path: tuple[int, ...]) -> Found | None:
    """The part with this number, None when there is none; raises UnknownEncoding."""
    located = await extent(row, Section(path))
    if located is None:
        return None
    start, length = located
    encoding = await _encoding(row, path)
    if encoding in IDENTITY:
        return Found(length, has_nul=False, start=start, length=length)  # NUL is never stored
    if length <= SMALL:
        encoded = await octets(row, start, length)
        if len(encoded) != length:
            raise MailError(detail="a message is shorter than its size")
        if length <= ON_LOOP:
            whole = transferred(encoding, encoded)
        else:
            whole = await asyncio.to_thread(transferred, encoding, encoded)
        return Found(len(whole), b"\0" in whole, start, length, whole)
    decoding = await _measured(row, path, encoding, start, length)
    return Found(decoding.size, decoding.has_nul, start, length, decoding=decoding)


async def read(row: FetchRow, found: Found, start: int, length: int) -> AsyncIterator[bytes]:
    """Octets of a decoded part in pieces; nothing behind its end."""
    if found.whole is not None:
        yield found.whole[start : start + length]
        return
    if found.decoding is None:
        skipped = min(start, found.length)
        async for piece in pieces(row, found.start + skipped, min(length, found.length - skipped)):
            yield piece
        return
    if not length:
        return
    end = start + length
    place = found.decoding.enter(start)
    found.decoding.remember(place.copied())
    async for at, piece in _decoded(row, place, found.start, found.length):
        if at + len(piece) > start:
            yield piece[max(0, start - at) : end - at]
        if at + len(piece) >= end:
            return
        found.decoding.remember(place.copied())


async def _encoding(row: FetchRow, path: tuple[int, ...]) -> str:
    part = part_at(await tree(row), path) if path else None
    if part is None or part.children or part.message is not None:
        return "binary"
    if part.encoding not in KNOWN:
        raise UnknownEncoding(f"The transfer encoding {part.encoding!r} is not known here")
    return part.encoding


async def _measured(
    row: FetchRow, path: tuple[int, ...], encoding: str, start: int, length: int
) -> Decoding:
    """Decode it all once, for its size; the view remembers."""
    known = row.view.decodings
    decoding = known.get((row.blob_id, path))
    if decoding is None:
        decoding = Decoding(encoding)
        async for _, piece in _decoded(row, decoding.enter(0), start, length):
            decoding.size += len(piece)
            decoding.has_nul = decoding.has_nul or b"\0" in piece
        known[row.blob_id, path] = decoding
        while len(known) > MAX_DECODINGS:
            known.popitem(last=False)
    return decoding


async def _decoded(
    row: FetchRow, place: Place, start: int, length: int
) -> AsyncIterator[tuple[int, bytes]]:
    """From a place on: where each piece begins among the decoded octets, and the piece."""
    async for block in pieces(row, start + place.read, length - place.read):
        at = place.decoded
        is_last = place.read + len(block) == length
        yield at, await asyncio.to_thread(place.feed, block, is_last=is_last)
