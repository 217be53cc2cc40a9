r"""Fetch: rows of messages, pages of them by UID, and pieces of their content.

``rows`` reads only what ``need`` names; flags and sizes never touch a message's row, its
header block is uncompressed only for "head". The content of a message is prefix, header
block, body; a piece of it reads only the frames of the blob that it lies in. The MIME
tree is made when a section is asked for the first time, and kept for a few messages.

RFC 3501 §6.4.5, §7.4.2.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final

import msgspec

from postroom.access.view import Ranges, View
from postroom.db.database import Row, Tx
from postroom.errors import NotFound
from postroom.message import headers
from postroom.message.part import Part
from postroom.message.scan import Scanner
from postroom.message.section import section_range
from postroom.protocol.imap.fetch import Section
from postroom.store import listing
from postroom.store.spans import Span

PAGE: Final = 500
PLAIN_PAGE: Final = 2000  # of flags, sizes and dates only
SMALL: Final = 64 * 1024  # octets that are scanned on the event loop
MAX_TREES: Final = 8  # MIME trees kept by a view

_COLUMNS: Final = ("envelope", "bodystructure", "prefix")


class FetchRow(msgspec.Struct):
    """A message for FETCH; fields that were not asked for are empty.

    ``received`` is in UTC milliseconds; ``head`` is the uncompressed header block, without
    ``prefix``, the recipient's own lines before it.
    """

    sequence: int
    uid: int
    flags: int
    keywords: str
    modseq: int
    size: int
    received: int
    message_id: int
    recent: bool
    view: View
    blob_id: int = 0
    envelope: bytes = b""
    bodystructure: bytes = b""
    prefix: bytes = b""
    head: bytes = b""
    has_front: bool = False


async def rows(
    view: View, ranges: Ranges, *, need: frozenset[str]
) -> AsyncIterator[list[FetchRow]]:
    """Pages of the messages of these ranges of UIDs, ascending.

    ``need``: any of "envelope", "bodystructure", "prefix", "head". Messages that another
    session has expunged are left out.
    """
    columns = tuple(column for column in _COLUMNS if column in need)
    if "head" in need and "prefix" not in columns:
        columns += ("prefix",)
    for span in view.spans(ranges, PAGE if columns else PLAIN_PAGE):
        page = await _read_page(view, span, columns, with_head="head" in need)
        if page:
            yield page


async def octets(row: FetchRow, start: int, length: int) -> bytes:
    """A part of the message's content; less where it ends."""
    await _complete(row)
    length = max(0, min(length, row.size - start))
    front = row.prefix + row.head
    piece = front[start : start + length]
    missing = length - len(piece)
    if not missing:
        return piece
    source = row.view.source
    at = max(0, start - len(front))
    return piece + await source.blobs.body(source.db, row.blob_id, at, missing)


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
    return await octets(row, start, end - start)


async def extent(row: FetchRow, section: Section) -> tuple[int, int] | None:
    """(start, length) of a section in the content, to be read piece by piece with ``octets``.

    None when there is no such part, and for HEADER.FIELDS, which is no run of octets.
    """
    await _complete(row)
    located = None if section.piece.startswith("HEADER.") else await _locate(row, section)
    return None if located is None else (located[0], located[1] - located[0])


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


async def tree_of_blob(view: View, blob_id: int) -> Part:
    """The MIME tree of a stored letter, offsets without prefix; a few are kept."""
    tree = view.trees.get(blob_id)
    if tree is not None:
        view.trees.move_to_end(blob_id)
        return tree
    scanner = Scanner()
    source = view.source
    async for piece in source.blobs.stream(source.db, blob_id):
        if len(piece) > SMALL:
            await asyncio.to_thread(scanner.feed, piece)
        else:
            scanner.feed(piece)
    tree = await asyncio.to_thread(scanner.finish)
    view.trees[blob_id] = tree
    while len(view.trees) > MAX_TREES:
        view.trees.popitem(last=False)
    return tree


async def _locate(row: FetchRow, wanted: Section) -> tuple[int, int] | None:
    """Where a section lies in the content: start and end."""
    front = len(row.prefix) + len(row.head)
    if not wanted.path:
        if wanted.piece == "TEXT":
            return front, row.size
        return (0, front) if wanted.piece else (0, row.size)
    found = section_range(await tree_of_blob(row.view, row.blob_id), wanted)
    if found is None:
        return None
    shift = len(row.prefix)
    start = 0 if not found[0] else found[0] + shift  # the first header block has the prefix
    return start, found[1] + shift


async def _complete(row: FetchRow) -> None:
    """Read prefix and header block if they are not there; NotFound when expunged since."""
    if row.has_front:
        return
    page = await _read_page(row.view, Span(row.uid, row.uid), ("prefix",), with_head=True)
    if not page or not page[0].has_front:
        raise NotFound("the message was expunged by another session")
    row.blob_id, row.prefix, row.head = page[0].blob_id, page[0].prefix, page[0].head
    row.has_front = True


async def _read_page(
    view: View, span: Span, columns: tuple[str, ...], *, with_head: bool
) -> list[FetchRow]:
    source = view.source
    if not columns:
        found = await source.read(listing.page, view.mailbox_id, span, member=view.member)
        return _made(view, found)
    found, heads = await source.db.read(
        lambda tx: _page_with_heads(tx, view, span, columns, with_head=with_head)
    )
    made = _made(view, found)
    by_uid = {row[0]: row for row in found}
    for row in made:
        values = by_uid[row.uid][7:]
        row.blob_id = values[0]
        for column, value in zip(columns, values[1:], strict=True):
            setattr(row, column, value)
        if with_head and row.blob_id in heads:
            row.head, row.has_front = heads[row.blob_id], True
    if with_head:
        for row in made:
            if not row.has_front:  # says what is wrong with it
                row.head = await source.blobs.head(source.db, row.blob_id)
                row.has_front = True
    return made


def _page_with_heads(
    tx: Tx, view: View, span: Span, columns: tuple[str, ...], *, with_head: bool
) -> tuple[list[Row], dict[int, bytes]]:
    found = listing.page_with(
        tx, view.account_id, view.mailbox_id, span, columns, member=view.member
    )
    if not with_head:
        return found, {}
    return found, view.source.blobs.heads(tx, [row[7] for row in found])


def _made(view: View, found: Sequence[Row]) -> list[FetchRow]:
    sequences = view.sequences_of([row[0] for row in found])
    marked = bool(view.recent_ranges)
    return [
        FetchRow(
            sequence, row[0], row[1], row[2], row[3], row[4], row[5], row[6],
            marked and view.is_recent(row[0]), view,
        )
        for sequence, row in zip(sequences, found, strict=True)
        if sequence
    ]  # fmt: skip
