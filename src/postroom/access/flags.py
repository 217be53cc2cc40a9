r"""Flags of many messages: what clients ask most, for whole mailboxes at once.

Most messages of a mailbox have the same flags, such as \Seen and nothing else. A page asks
the store for those with other flags; only these come as rows, and if something has happened
also how many there are. Where the numbers do not agree, because another session has expunged
some, and where some are \Recent and some are not, all of them do.

What a STORE makes of flags depends on nothing but what they are: so its answer is prepared
while it is written. It is sent when that is on stable storage, unless a change of somebody
else came between: then the flags are read again.

RFC 3501 §6.4.6.
"""

import asyncio
from bisect import bisect_left
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Final

from postroom.access.numbering import Ranges
from postroom.access.offload import begin
from postroom.access.view import MAX_STORED, View
from postroom.protocol.imap.fetch_lines import FlagPage
from postroom.store import entries, listing
from postroom.store.entries import UNTOLD, FlagChange
from postroom.store.flags import SEEN
from postroom.store.spans import Span

PAGE: Final = 2000

Common = tuple[int, str]


async def flags(view: View, ranges: Ranges) -> AsyncGenerator[FlagPage]:
    """Pages of the messages that ``fetch.rows`` would find."""
    spans = view.spans(ranges, PAGE)
    span = next(spans, None)
    coming: asyncio.Task[FlagPage] | None = None
    common: Common = (SEEN, "")
    try:
        while span is not None:
            page = await (coming or _page(view, span, common))
            common = _usual(page)
            span, coming = next(spans, None), None
            if span is not None:  # while the caller has work with this page
                coming = begin(_page(view, span, common))
            yield page
    finally:
        if coming is not None:
            coming.cancel()


async def _page(view: View, span: Span, common: Common) -> FlagPage:
    _, page = await _of_few(view, span, common)
    return page or await _of_all(view, span, common)


async def stored(
    view: View, ranges: Ranges, change: FlagChange, write: Callable[[FlagPage], bytes]
) -> AsyncIterator[bytes]:
    """Change flags as ``View.store`` does; the pages of the new ones, written."""
    change = view.permitted(change)
    is_changed = False
    values = change.values()
    common: Common = (SEEN & values["kept"] | values["bits"], "")
    for number, span in enumerate(view.spans(ranges, MAX_STORED)):
        storing = begin(view.store_span(span, change, UNTOLD, is_first=not number))
        try:
            foreseen = await _foreseen(view, span, change, common)
            texts = [write(page) for _, page in foreseen]
        finally:
            modseq = (await storing).modseq
        is_changed = is_changed or modseq > 0
        is_sure = not modseq or all(before in {modseq - 1, modseq} for before, _ in foreseen)
        if foreseen and is_sure:
            common = _usual(foreseen[-1][1])
            yield b"".join(texts)
        else:
            async for page in flags(view, _ranges(span)):
                yield write(page)
    await view.end_store(ranges, change, is_changed=is_changed)


async def _foreseen(
    view: View, span: Span, change: FlagChange, common: Common
) -> list[tuple[int, FlagPage]]:
    """What the flags of a span will be, each page with the MODSEQ of the mailbox before."""
    if span.listed is not None or change.touches_keywords:
        return []
    pages: list[tuple[int, FlagPage]] = []
    for part in view.spans(_ranges(span), PAGE):
        modseq, page = await _of_few(view, part, common, change)
        if page is None:
            return []
        common = _usual(page)
        pages.append((modseq, page))
    return pages


def _usual(page: FlagPage) -> Common:
    """The flags that most messages of the next page are likely to have."""
    if len(page.others) > len(page.uids) // 2:
        ((common, _),) = Counter([other[1:3] for other in page.others]).most_common(1)
        return common
    return page.common[:2]


def _ranges(span: Span) -> Ranges:
    """The UIDs of a span."""
    if span.listed is None:
        return [(span.first, span.last)]
    return [(uid, uid) for uid in span.listed]


async def _of_few(
    view: View, span: Span, common: Common, change: FlagChange | None = None
) -> tuple[int, FlagPage | None]:
    """A page, unless its messages must all be read; and the MODSEQ of the mailbox.

    With a ``change`` as it would be afterwards.
    """
    is_recent = _recency(view, span)
    if span.listed is not None or is_recent is None:
        return 0, None
    first, uids = view.numbering.run(span.first, span.last)
    modseq, count, found = await view.source.read(
        listing.unlike, view.mailbox_id, span, common, view.complete, change, view.member
    )
    if count is not None and count != len(uids):
        return modseq, None
    if isinstance(uids, range):
        others = [(uid - uids.start, bits, words, is_recent) for uid, bits, words in found]
    else:
        others = [(bisect_left(uids, uid), bits, words, is_recent) for uid, bits, words in found]
    return modseq, FlagPage(range(first, first + len(uids)), uids, (*common, is_recent), others)


async def _of_all(view: View, span: Span, common: Common) -> FlagPage:
    found = await view.source.read(entries.rows_of, view.mailbox_id, (span,), member=view.member)
    uids = [row[0] for row in found]
    recent, sequences = view.are_recent(uids), view.sequences_of(uids)
    known = [at for at, number in enumerate(sequences) if number]
    return FlagPage(
        [sequences[at] for at in known],
        [uids[at] for at in known],
        (*common, False),
        [(place, *found[at][1:3], recent[at]) for place, at in enumerate(known)],
    )


def _recency(view: View, span: Span) -> bool | None:
    r"""Whether the messages of a span are \Recent; None: some are and some are not."""
    for low, high in view.recent_ranges:
        if low <= span.first and span.last <= high:
            return True
        if low <= span.last and span.first <= high:
            return None
    return False
