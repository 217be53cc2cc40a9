"""Resync: what became of the messages that a client knows from an earlier session.

Expunged UIDs come as ranges, by pages. Where the store has forgotten the time that is asked
for, every UID that the mailbox lacks is named: a superset, which RFC 7162 §3.2.6 wants.
UIDs that the session itself still has a number for are left out; ``View.refresh`` tells
of them in their time.
"""

from collections.abc import AsyncIterator, Iterator
from itertools import islice
from typing import Final

from postroom.access.numbering import STAR, Ranges, merge, within
from postroom.access.view import View
from postroom.protocol.imap.sets import SAVED
from postroom.store import vanished

PAGE: Final = 2000  # ranges of one answer


def uids_of(view: View, ranges: Ranges | None) -> list[tuple[int, int]]:
    """A set of UIDs that need not exist, as ranges that ascend and are apart.

    "*" is the last UID ever given out; None is a set of all UIDs ever given out, ``SAVED``
    what the session has saved.
    """
    if ranges == SAVED:
        return list(view.saved)
    top = view.uidnext - 1
    if ranges is None:
        ranges = [(1, top)]
    bounds = [sorted(top if end == STAR else end for end in pair) for pair in ranges]
    return merge((low, min(high, top)) for low, high in bounds)


async def expunged(
    view: View, ranges: Ranges, since: int, above: int = 0
) -> AsyncIterator[list[tuple[int, int]]]:
    """Pages of the UIDs of these ranges that were expunged after MODSEQ ``since``.

    ``ranges`` ascend and are apart; UIDs up to ``above`` are left out.
    """
    while True:
        found = await view.source.read(vanished.since, view.mailbox_id, since, above)
        if found is None:
            break
        rows, has_more = found
        uids = [row[0] for row in rows if row[0] > above and not view.sequence_of(row[0])]
        if page := within(uids, ranges):
            yield page
        if not has_more:
            return
        above = rows[-1][0]
    gaps = _gaps(view, ranges, above)
    while some := list(islice(gaps, PAGE)):
        yield some


def _gaps(view: View, ranges: Ranges, above: int) -> Iterator[tuple[int, int]]:
    for low, high in ranges:
        if high > above:
            yield from view.numbering.gaps(max(low, above + 1), high)
