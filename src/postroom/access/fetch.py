r"""Fetch: rows of messages, pages of them by UID, and pieces of their content.

``rows`` reads only what ``need`` names; flags and sizes never touch a message's row, its
header block is uncompressed only for "head". The content of a message is prefix, header
block, body; a piece of it reads only the frames of the blob that it lies in, but small
messages come whole with their page when "content" is needed. The MIME tree is made when a
section is asked for the first time, and kept for a few messages.

RFC 3501 §6.4.5, §7.4.2.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

import msgspec

from postroom.access.fields import HEADS, SMALL_HEAD, FieldCache
from postroom.access.numbering import Ranges, within
from postroom.access.offload import begin
from postroom.access.view import View
from postroom.db.database import Row, Tx
from postroom.errors import MailError, NotFound
from postroom.message import headers
from postroom.message.part import Part
from postroom.message.scan import Scanner, scan
from postroom.message.section import section_range
from postroom.protocol.imap.fetch import Section
from postroom.store import listing
from postroom.store.spans import Span
from postroom.store.store import Store

PAGE: Final = 500
PLAIN_PAGE: Final = 2000  # of flags, sizes and dates only
MOST_CHANGED: Final = 10_000  # messages that are picked one by one
SMALL: Final = 64 * 1024  # octets that are scanned on the event loop
WHOLE: Final = 256 * 1024  # octets of a message that comes whole with its page
WHOLE_PAGE: Final = 128  # messages of such a page ..
WHOLE_OCTETS: Final = 1024 * 1024  # .. which ends sooner when it holds so much
PIECE: Final = 1024 * 1024  # as the store keeps large bodies
MAX_TREES: Final = 8  # MIME trees kept by a view

_COLUMNS: Final = ("envelope", "bodystructure", "prefix", "saved", "thread_id")
_FRONT: Final = frozenset({"head", "content"})  # what is of no use without the prefix


class Fields(NamedTuple):
    """Header fields (names in lower case) that come with the page of their message."""

    names: tuple[str, ...]
    cache: FieldCache


class _Wanted(NamedTuple):
    """What is read of each message: columns of its row, header block, small content.

    Only of messages whose MODSEQ is above ``since``. ``passing``: the reader goes through the
    mailbox, nobody keeps the content for the next one.
    """

    columns: tuple[str, ...] = ("prefix",)
    head: bool = True
    content: bool = False
    since: int = 0
    fields: Fields | None = None
    passing: bool = False


class _Page(NamedTuple):
    """Rows as ``store.listing`` gives them; header blocks and bodies by the blob's id.

    ``selected`` are ``Fields`` by UID; ``rest`` is what is left over of the span.
    """

    found: Sequence[Row]
    heads: Mapping[int, bytes]
    wholes: Mapping[int, tuple[bytes, bytes]]
    selected: Mapping[int, bytes]
    rest: Span | None


class Shelf(Protocol):
    """Where messages are read from; it keeps a few MIME trees. A view is one."""

    source: Store
    trees: OrderedDict[int, Part]


class FetchRow(msgspec.Struct):
    """A message for FETCH; fields that were not asked for are empty.

    ``received`` and ``saved`` are in UTC milliseconds; ``head`` is the uncompressed header block, without
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
    saved: int = 0
    thread_id: int = 0
    has_front: bool = False
    body: bytes | None = None  # behind prefix and head, if it came with its page
    preview: str | None = None  # see ``access.previews``
    selected: bytes | None = None  # the fields of ``Fields``, if they came with it


async def rows(
    view: View,
    ranges: Ranges,
    *,
    need: frozenset[str],
    fields: Fields | None = None,
    changed_since: int | None = None,
) -> AsyncGenerator[list[FetchRow]]:
    """Pages of the messages of these ranges of UIDs, ascending.

    ``need``: any of "envelope", "bodystructure", "prefix", "head", "content", "saved",
    "thread_id". Messages that another session has expunged are left out, and those not
    changed after MODSEQ ``changed_since``.
    """
    since = changed_since or 0
    if since:
        uids = await view.source.read(
            listing.changed, view.mailbox_id, since, MOST_CHANGED, view.member
        )
        if uids is not None:  # few: no need to look at all others
            ranges = within(uids, ranges)
    wanted = _wanted(need, since, fields)
    size = WHOLE_PAGE if wanted.content else PAGE if need or fields else PLAIN_PAGE
    spans = view.spans(ranges, size)
    span = next(spans, None)
    coming: asyncio.Task[tuple[list[FetchRow], Span | None]] | None = None
    try:
        while span is not None:
            page, rest = await (coming or _read_page(view, span, wanted))
            span, coming = rest or next(spans, None), None
            if span is not None:  # while the caller has work with this page
                coming = begin(_read_page(view, span, wanted))
            if page:
                yield page
    finally:
        if coming is not None:
            coming.cancel()


async def first_page(view: View, span: tuple[int, int], *, need: frozenset[str]) -> list[FetchRow]:
    """The messages between two UIDs, or the first of them if that is a page of ``rows``."""
    wanted = _wanted(need)._replace(passing=span[0] < span[1])
    page, _ = await _read_page(view, Span(*span), wanted)
    return page


def _wanted(need: frozenset[str], since: int = 0, fields: Fields | None = None) -> _Wanted:
    return _Wanted(
        tuple(
            column
            for column in _COLUMNS
            if column in need or (column == "prefix" and not need.isdisjoint(_FRONT))
        ),
        "head" in need,
        "content" in need,
        since,
        fields,
    )


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
            piece = await (coming or octets(row, *span))
            if len(piece) != span[1]:
                raise MailError(detail="a message is shorter than its size")
            span, coming = next(spans, None), None
            if span is not None:
                coming = begin(octets(row, *span))
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
    page, _ = await _read_page(row.view, Span(row.uid, row.uid), _Wanted())
    if not page:
        raise NotFound("the message was expunged by another session")
    (found,) = page
    if not found.has_front:  # says what is wrong with it
        source = row.view.source
        found.head = await source.blobs.head(source.db, found.blob_id)
    row.blob_id, row.prefix, row.head = found.blob_id, found.prefix, found.head
    row.has_front = True


async def _read_page(view: View, span: Span, wanted: _Wanted) -> tuple[list[FetchRow], Span | None]:
    """A page and what it has left over of the span."""
    page = await view.source.db.read(lambda tx: _page_with(tx, view, span, wanted))
    made = _made(view, page.found)
    for row in made if page.selected else ():
        row.selected = page.selected.get(row.uid)
    if wanted.columns:
        _fill(made, page, wanted.columns)
    return made, page.rest


def _fill(made: Sequence[FetchRow], page: _Page, columns: tuple[str, ...]) -> None:
    """Add what was read besides the entries."""
    found = page.found
    if len(made) < len(found):
        known = {row.uid for row in made}
        found = [values for values in found if values[0] in known]
    wholes, heads = page.wholes, page.heads
    for row, values in zip(made, found, strict=True):
        row.blob_id = blob_id = values[7]
        for place, column in enumerate(columns, 8):
            setattr(row, column, values[place])
        if blob_id in wholes:
            row.head, body = wholes[blob_id]
            row.has_front = True
            if len(row.prefix) + len(row.head) + len(body) == row.size:
                row.body = body
        elif blob_id in heads:
            row.head, row.has_front = heads[blob_id], True


def _page_with(tx: Tx, view: View, span: Span, wanted: _Wanted) -> _Page:
    blobs, fields, member = view.source.blobs, wanted.fields, view.member
    if wanted.columns:
        found = listing.page_with(
            tx, view.account_id, view.mailbox_id, span, wanted.columns, member, wanted.since
        )
    else:
        found = listing.page(tx, view.mailbox_id, span, member, wanted.since)
    rest = None
    wholes: dict[int, tuple[bytes, bytes]] = {}
    heads: dict[int, bytes] = {}
    selected: dict[int, bytes] = {}
    if wanted.content:
        found, rest = _cut(found, span)
        small = [row[7] for row in found if row[4] <= WHOLE]
        wholes = blobs.wholes(tx, small, keep=not wanted.passing)
    if wanted.head:
        others = [row[7] for row in found if row[7] not in wholes]
        heads = blobs.heads(tx, others, most=SMALL_HEAD, total=HEADS)
    if fields is not None:
        uids = [row[0] for row in found]
        selected = fields.cache.select(tx, blobs, view, uids, fields.names)
    return _Page(found, heads, wholes, selected, rest)


def _cut(found: list[Row], span: Span) -> tuple[list[Row], Span | None]:
    """As many rows as hold ``WHOLE_OCTETS`` of small content, and the span behind them."""
    octets = 0
    for number, row in enumerate(found):
        octets += row[4] if row[4] <= WHOLE else 0
        if octets > WHOLE_OCTETS and number:
            return found[:number], Span(row[0], span.last, span.listed)
    return found, None


def _made(view: View, found: Sequence[Row]) -> list[FetchRow]:
    uids = [row[0] for row in found]
    return [
        FetchRow(
            sequence, row[0], row[1], row[2], row[3], row[4], row[5], row[6], is_recent, view
        )
        for sequence, is_recent, row in zip(
            view.sequences_of(uids), view.are_recent(uids), found, strict=True
        )
        if sequence
    ]  # fmt: skip
