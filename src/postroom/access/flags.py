r"""Flags of many messages: what clients ask most, for whole mailboxes at once.

Most messages of a mailbox have the same flags, such as \Seen and nothing else. A page asks
the store how many messages there are and for those with other flags; only these come as
rows. Where the numbers do not agree, because another session has expunged some, and where
some are \Recent and some are not, all of them do.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import AsyncIterator
from typing import Final

from postroom.access.numbering import Ranges
from postroom.access.view import View
from postroom.protocol.imap.fetch_lines import FlagPage
from postroom.store import entries, listing
from postroom.store.flags import SEEN
from postroom.store.spans import Span

PAGE: Final = 2000

Common = tuple[int, str]


async def flags(view: View, ranges: Ranges) -> AsyncIterator[FlagPage]:
    """Pages of the messages that ``fetch.rows`` would find."""
    common: Common = (SEEN, "")
    for span in view.spans(ranges, PAGE):
        page = await _of_few(view, span, common) or await _of_all(view, span, common)
        if len(page.others) > len(page.uids) // 2:  # the next page is likely to be as this one
            ((common, _),) = Counter([other[1:3] for other in page.others]).most_common(1)
        yield page


async def _of_few(view: View, span: Span, common: Common) -> FlagPage | None:
    is_recent = _recency(view, span)
    if span.listed is not None or is_recent is None:
        return None
    first, uids = view.numbering.run(span.first, span.last)
    count, found = await view.source.read(
        listing.unlike, view.mailbox_id, span, common, member=view.member
    )
    if count != len(uids):
        return None
    if isinstance(uids, range):
        others = [(uid - uids.start, bits, words, is_recent) for uid, bits, words in found]
    else:
        others = [(bisect_left(uids, uid), bits, words, is_recent) for uid, bits, words in found]
    return FlagPage(range(first, first + count), uids, (*common, is_recent), others)


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
