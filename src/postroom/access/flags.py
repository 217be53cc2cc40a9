r"""Flags of many messages: what clients ask most, for whole mailboxes at once.

They come from ``flag_blocks``, a page at a time. Where messages are there, or gone, that the
session does not know of, and where single messages are asked for, rows are read instead.

What a STORE makes of flags depends on nothing but what they are: so its answer is prepared
while it is written. It is sent when that is on stable storage, unless a change of somebody
else came between: then the flags are read again.

RFC 3501 §6.4.6.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from typing import Final

from postroom.access import flag_blocks
from postroom.access.flag_blocks import Block
from postroom.access.numbering import Ranges
from postroom.access.offload import begin
from postroom.access.view import MAX_STORED, MAX_SWEPT, View
from postroom.protocol.imap.fetch_lines import FlagPage
from postroom.store import entries
from postroom.store.entries import UNTOLD, FlagChange
from postroom.store.spans import Span

PAGE: Final = 10_000


async def flags(view: View, ranges: Ranges) -> AsyncGenerator[FlagPage]:
    """Pages of the messages that ``loading.rows`` would find."""
    spans = view.spans(ranges, PAGE)
    span = next(spans, None)
    coming: asyncio.Task[FlagPage] | None = None
    try:
        while span is not None:
            page = await (coming or _page(view, span))
            span, coming = next(spans, None), None
            if span is not None:  # while the caller has work with this page
                coming = begin(_page(view, span))
            yield page
    finally:
        if coming is not None:
            coming.cancel()


async def _page(view: View, span: Span) -> FlagPage:
    if span.listed is None:
        first, uids = view.numbering.run(span.first, span.last)
        found = await flag_blocks.find(view, span, uids)
        if found is not None:
            page = _of_blocks(view, span, first, uids, found.blocks)
            if page is not None:
                return page
    return await _of_rows(view, span)


async def stored(
    view: View, ranges: Ranges, change: FlagChange, write: Callable[[FlagPage], bytes]
) -> AsyncIterator[bytes]:
    """Change flags as ``View.store`` does; the pages of the new ones, written."""
    change = view.permitted(change)
    is_changed = False
    spans = view.spans(ranges, MAX_SWEPT if change.is_swept else MAX_STORED)
    span = next(spans, None)
    coming = begin(_store(view, span, change, write, is_first=True)) if span else None
    try:
        while span is not None and coming is not None:
            modseq, lines = await coming
            is_changed = is_changed or modseq > 0
            done, span = span, next(spans, None)
            # while the caller has work with what is done
            coming = begin(_store(view, span, change, write, is_first=False)) if span else None
            if lines is not None:
                yield lines
            else:
                async for page in flags(view, _ranges(done)):
                    yield write(page)
    finally:
        if coming is not None:
            coming.cancel()
    await view.end_store(ranges, change, is_changed=is_changed)


async def _store(
    view: View,
    span: Span,
    change: FlagChange,
    write: Callable[[FlagPage], bytes],
    *,
    is_first: bool,
) -> tuple[int, bytes | None]:
    """One transaction of a STORE: its MODSEQ, and what it tells if that could be foreseen."""
    storing = begin(view.store_span(span, change, UNTOLD, is_first=is_first))
    try:
        foreseen = await _foreseen(view, span, change)
        lines = b"".join([write(page) for _, page in foreseen])
    finally:
        modseq = (await storing).modseq
    is_sure = not modseq or all(before in {modseq - 1, modseq} for before, _ in foreseen)
    return modseq, lines if foreseen and is_sure else None


async def _foreseen(view: View, span: Span, change: FlagChange) -> list[tuple[int, FlagPage]]:
    """What the flags of a span will be, each page with the MODSEQ of the mailbox before.

    Nothing where that is not known.
    """
    if span.listed is not None or change.touches_keywords:
        return []
    pages: list[tuple[int, FlagPage]] = []
    for part in view.spans(_ranges(span), PAGE):
        first, uids = view.numbering.run(part.first, part.last)
        found = await flag_blocks.find(view, part, uids)
        if found is None:
            return []
        after: dict[int, Block] = {}
        for number, block in found.blocks.items():
            changed = block.after(change, span)
            if changed is None:
                return []
            after[number] = changed
        page = _of_blocks(view, part, first, uids, after)
        if page is None:
            return []
        pages.append((found.modseq, page))
    return pages


def _ranges(span: Span) -> Ranges:
    """The UIDs of a span."""
    if span.listed is None:
        return [(span.first, span.last)]
    return [(uid, uid) for uid in span.listed]


def _of_blocks(
    view: View, span: Span, first: int, uids: Sequence[int], blocks: Mapping[int, Block]
) -> FlagPage | None:
    joined = flag_blocks.joined(blocks.values(), span)
    if joined is None:
        return None
    kinds, codes = joined
    return _paged(view, range(first, first + len(uids)), uids, kinds, codes)


async def _of_rows(view: View, span: Span) -> FlagPage:
    found = await view.source.read(entries.rows_of, view.mailbox_id, (span,), member=view.member)
    numbers = view.sequences_of([row[0] for row in found])
    known = [(number, row) for number, row in zip(numbers, found, strict=True) if number]
    kinds = dict.fromkeys([(row[1], row[2]) for _, row in known])
    places = {kind: place for place, kind in enumerate(kinds)}
    return _paged(
        view,
        [number for number, _ in known],
        [row[0] for _, row in known],
        list(kinds),
        [places[row[1], row[2]] for _, row in known],
    )


def _paged(
    view: View,
    numbers: Sequence[int],
    uids: Sequence[int],
    kinds: Sequence[tuple[int, str]],
    codes: Sequence[int],
) -> FlagPage:
    r"""A page of these; \Recent doubles the kinds where some messages are, but not all."""
    near = [(low, high) for low, high in view.recent_ranges if uids and low <= uids[-1]]
    are_all = any(low <= uids[0] and uids[-1] <= high for low, high in near)
    marked = [(*kind, are_all) for kind in kinds]
    if not are_all and any(uids[0] <= high for _, high in near):
        marked += [(*kind, True) for kind in kinds]
        recent = view.are_recent(uids)
        more = len(kinds)
        codes = [code + more * is_one for code, is_one in zip(codes, recent, strict=True)]
    return FlagPage(numbers, uids, marked, codes)
