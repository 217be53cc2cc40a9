r"""Fetch: the content of a message, its pieces and sections.

The content is prefix, header block, body; a piece of it reads only the frames of the blob that it
lies in. The MIME tree is made when a section is asked for the first time, and kept for a few
messages.

RFC 3501 §6.4.5, §7.4.2.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import Final, Protocol

from postroom.access.offload import begin
from postroom.access.pages import FetchRow, Wanted, read
from postroom.errors import MailError, NotFound
from postroom.message import headers
from postroom.message.part import Part
from postroom.message.scan import Scanner, scan
from postroom.message.section import section_range
from postroom.protocol.imap.fetch import Section
from postroom.store.spans import Span
from postroom.store.store import Store

SMALL: Final = 64 * 1024  # octets that are scanned on the event loop
PIECE: Final = 1024 * 1024  # as the store keeps large bodies
MAX_TREES: Final = 8  # MIME trees kept by a view


class Shelf(Protocol):
    """Where messages are read from; it keeps a few MIME trees. A view is one."""

    source: Store
    trees: OrderedDict[int, Part]


async def octets(row: FetchRow, start: int, length: int) -> bytes:
    """A part of the message's content; less where it ends."""
    await _complete(row)
    length = max(0, min(length, row.size - start))
    front = row.prefix + row.head
    piece = front[start : start + length]
    missing = length - len(piece)
    if not missing:
        return piece
    at = max(0, start - len(front))
    if row.body is not None:
        return piece + row.body[at : at + missing]
    source = row.view.source
    return piece + await source.blobs.part(source.db, row.blob_id, at, missing)


async def section(
    row: FetchRow, section: Section, partial: tuple[int, int] | None = None
) -> bytes | None:
    """The octets of ``BODY[section]<start.length>``; None when there is no such part.

    A ``partial`` that starts behind the end yields nothing (RFC 3501 §6.4.5).
    """
    await _complete(row)
    located = await _locate(row, section)
    if located is None:
        return None
    start, end = located
    if section.piece.startswith("HEADER."):
        block = await octets(row, start, end - start)
        chosen = headers.select(block, section.fields, exclude=section.piece == "HEADER.FIELDS.NOT")
        return chosen if partial is None else chosen[partial[0] : partial[0] + partial[1]]
    if partial is not None:
        start = min(start + partial[0], end)
        end = min(start + partial[1], end)
    found = await octets(row, start, end - start)
    if len(found) != end - start:
        raise MailError(detail="a message is shorter than its size")
    return found


async def extent(row: FetchRow, section: Section) -> tuple[int, int] | None:
    """(start, length) of a section in the content, to be read piece by piece with ``octets``.

    None when there is no such part, and for HEADER.FIELDS, which is no run of octets.
    """
    await _complete(row)
    located = None if section.piece.startswith("HEADER.") else await _locate(row, section)
    return None if located is None else (located[0], located[1] - located[0])


async def pieces(row: FetchRow, start: int, length: int) -> AsyncGenerator[bytes]:
    """A part of the content in pieces that begin where the stored pieces of the body begin.

    The next one is read while the caller has work with this one.
    """
    spans = _cuts(start, start + length, len(row.prefix) + len(row.head))
    span = next(spans, None)
    coming: asyncio.Task[bytes] | None = None
    try:
        while span is not None:
            piece = await (coming or _piece(row, *span))
            if len(piece) != span[1]:
                raise MailError(detail="a message is shorter than its size")
            span, coming = next(spans, None), None
            if span is not None:
                coming = begin(_piece(row, *span))
            yield piece
    finally:
        if coming is not None:
            coming.cancel()


def _cuts(start: int, end: int, front: int) -> Iterator[tuple[int, int]]:
    """(start, length) of the pieces; the body begins behind ``front`` octets."""
    while start < end:
        stop = min(end, front + ((start - front) // PIECE + 1) * PIECE)
        yield start, stop - start
        start = stop


def begin_body(row: FetchRow) -> None:
    """Begin to read the body of a large message: ``pieces`` will soon be asked for all of it."""
    front = len(row.prefix) + len(row.head)
    row.begun = begin(octets(row, front, min(PIECE, row.size - front)))


async def _piece(row: FetchRow, start: int, length: int) -> bytes:
    """The same as ``octets``; what has begun already is waited for, once."""
    if row.begun is not None and start == len(row.prefix) + len(row.head):
        begun, row.begun = row.begun, None
        found = await begun
        if len(found) == length:
            return found
    return await octets(row, start, length)


async def stream(row: FetchRow) -> AsyncIterator[bytes]:
    """The whole content in pieces of at most 1 MiB and the prefix."""
    await _complete(row)
    source = row.view.source
    held = row.prefix
    async for piece in source.blobs.stream(source.db, row.blob_id):
        if held:
            yield held
        held = piece
    if held:
        yield held


async def tree_of_blob(shelf: Shelf, blob_id: int) -> Part:
    """The MIME tree of a stored letter, offsets without prefix; a few are kept."""
    tree = shelf.trees.get(blob_id)
    if tree is not None:
        shelf.trees.move_to_end(blob_id)
        return tree
    scanner = Scanner()
    source = shelf.source
    async for piece in source.blobs.stream(source.db, blob_id):
        if len(piece) > SMALL:
            await asyncio.to_thread(scanner.feed, piece)
        else:
            scanner.feed(piece)
    return _keep(shelf, blob_id, await asyncio.to_thread(scanner.finish))


async def tree(row: FetchRow) -> Part:
    """The MIME tree, without another read where the content is at hand."""
    trees = row.view.trees
    if row.body is None or row.size > SMALL or row.blob_id in trees:
        return await tree_of_blob(row.view, row.blob_id)
    return _keep(row.view, row.blob_id, scan(row.head + row.body))


async def _locate(row: FetchRow, wanted: Section) -> tuple[int, int] | None:
    """Where a section lies in the content: start and end."""
    front = len(row.prefix) + len(row.head)
    if not wanted.path:
        if wanted.piece == "TEXT":
            return front, row.size
        return (0, front) if wanted.piece else (0, row.size)
    found = section_range(await tree(row), wanted)
    if found is None:
        return None
    shift = len(row.prefix)
    start = 0 if not found[0] else found[0] + shift  # the first header block has the prefix
    return start, found[1] + shift


def _keep(shelf: Shelf, blob_id: int, tree: Part) -> Part:
    shelf.trees[blob_id] = tree
    while len(shelf.trees) > MAX_TREES:
        shelf.trees.popitem(last=False)
    return tree


async def _complete(row: FetchRow) -> None:
    """Read prefix and header block if they are not there; NotFound when expunged since."""
    if row.has_front:
        return
    page = await read(row.view, Span(row.uid, row.uid), Wanted())
    if not page:
        raise NotFound("the message was expunged by another session")
    (found,) = page
    if not found.has_front:  # says what is wrong with it
        source = row.view.source
        found.head = await source.blobs.head(source.db, found.blob_id)
    row.blob_id, row.prefix, row.head = found.blob_id, found.prefix, found.head
    row.has_front = True
