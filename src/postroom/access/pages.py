r"""Pages: rows of messages by UID, each with only what is needed of it.

Flags and sizes never touch a message's row; header blocks are uncompressed only for "head".
The content of a message is prefix, header block, body: small messages come whole when "content"
is needed, of large ones the front does, and ``access.fetch`` reads what is behind it.

RFC 3501 §6.4.5.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from postroom.access.fields import HEADS, SMALL_HEAD, FieldCache
from postroom.access.view import View
from postroom.blobs.store import BlobStore
from postroom.db.database import Row, Tx
from postroom.store import listing
from postroom.store.spans import Span

WHOLE: Final = 256 * 1024  # octets of a message that comes whole

_COLUMNS: Final = ("envelope", "bodystructure", "prefix", "saved", "thread_id")
_FRONT: Final = frozenset({"head", "content"})  # what is of no use without the prefix


class Fields(NamedTuple):
    """Header fields (names in lower case) that come with the page of their message."""

    names: tuple[str, ...]
    cache: FieldCache


class Wanted(NamedTuple):
    """What is read of each message: columns of its row, header block, content.

    Only of messages whose MODSEQ is above ``since``.
    """

    columns: tuple[str, ...] = ("prefix",)
    head: bool = True
    content: bool = False
    since: int = 0
    fields: Fields | None = None


class _Contents(NamedTuple):
    """By the blob's id: header block and body of small messages, header blocks of others."""

    wholes: Mapping[int, tuple[bytes, bytes]]
    heads: Mapping[int, bytes]


class _Read(NamedTuple):
    """Rows as ``store.listing`` gives them; ``selected`` are ``Fields`` by UID."""

    found: Sequence[Row]
    contents: _Contents
    selected: Mapping[int, bytes]


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
    begun: "asyncio.Task[bytes] | None" = None  # the beginning of a large body, on its way
    selected: bytes | None = None  # the fields of ``Fields``, if they came with it


def wanted(need: frozenset[str], since: int = 0, fields: Fields | None = None) -> Wanted:
    """What the words of ``need`` name; see ``access.loading.rows``."""
    return Wanted(
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


async def message(view: View, uid: int, *, need: frozenset[str]) -> FetchRow | None:
    """The message with this UID, if it is there."""
    return next(iter(await read(view, Span(uid, uid), wanted(need))), None)


async def read(view: View, span: Span, wanted: Wanted) -> list[FetchRow]:
    """The messages of a span, with all that is wanted. The caller bounds them."""
    page = await view.source.db.read(lambda tx: _read(tx, view, span, wanted))
    made = _made(view, page.found)
    for row in made if page.selected else ():
        row.selected = page.selected.get(row.uid)
    if wanted.columns:
        _fill(made, page.found, wanted.columns)
        _add(made, page.contents)
    return made


async def listed(view: View, span: Span, wanted: Wanted) -> list[FetchRow]:
    """The same without content: ``load`` adds that."""
    return await read(view, span, wanted._replace(head=False, content=False))


async def load(view: View, page: Sequence[FetchRow], *, passing: bool) -> None:
    """Add small content, and the front of large one, as far as it can be read.

    ``passing``: the reader goes through the mailbox, nobody keeps the content for the next one.
    """
    sizes = {row.blob_id: row.size for row in page}
    blobs = view.source.blobs
    _add(page, await view.source.db.read(lambda tx: _contents(tx, blobs, sizes, keep=not passing)))


def _read(tx: Tx, view: View, span: Span, wanted: Wanted) -> _Read:
    blobs, fields, member = view.source.blobs, wanted.fields, view.member
    if wanted.columns:
        found = listing.page_with(
            tx, view.account_id, view.mailbox_id, span, wanted.columns, member, wanted.since
        )
    else:
        found = listing.page(tx, view.mailbox_id, span, member, wanted.since)
    contents = _Contents({}, {})
    if wanted.content:
        contents = _contents(tx, blobs, {row[7]: row[4] for row in found}, keep=True)
    elif wanted.head:
        ids = [row[7] for row in found]
        contents = _Contents({}, blobs.heads(tx, ids, most=SMALL_HEAD, total=HEADS))
    selected: dict[int, bytes] = {}
    if fields is not None:
        uids = [row[0] for row in found]
        selected = fields.cache.select(tx, blobs, view, uids, fields.names)
    return _Read(found, contents, selected)


def _contents(tx: Tx, blobs: BlobStore, sizes: Mapping[int, int], *, keep: bool) -> _Contents:
    """Of messages by the id of their blob, with their size."""
    small = [ident for ident, size in sizes.items() if size <= WHOLE]
    large = [ident for ident, size in sizes.items() if size > WHOLE]
    return _Contents(
        blobs.wholes(tx, small, keep=keep) if small else {},
        blobs.heads(tx, large, most=SMALL_HEAD, total=HEADS) if large else {},
    )


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


def _fill(made: Sequence[FetchRow], found: Sequence[Row], columns: tuple[str, ...]) -> None:
    """Add what was read besides the entries."""
    if len(made) < len(found):
        known = {row.uid for row in made}
        found = [values for values in found if values[0] in known]
    for row, values in zip(made, found, strict=True):
        row.blob_id = values[7]
        for place, column in enumerate(columns, 8):
            setattr(row, column, values[place])


def _add(made: Sequence[FetchRow], contents: _Contents) -> None:
    """Add content where it could be read."""
    wholes, heads = contents
    for row in made if wholes or heads else ():
        blob_id = row.blob_id
        if blob_id in wholes:
            row.head, body = wholes[blob_id]
            row.has_front = True
            if len(row.prefix) + len(row.head) + len(body) == row.size:
                row.body = body
        elif blob_id in heads:
            row.head, row.has_front = heads[blob_id], True
