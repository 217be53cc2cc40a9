"""SORT over a selected mailbox.

The whole mailbox is put in order once for a program and kept (``kept``): a message's keys
never change, so the order of any search result is that order without the others. Only a
result that is small beside its mailbox is sorted by itself. Work that grows with the
mailbox is done off the event loop. RFC 5256 §3, RFC 5957.
"""

from array import array
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from postroom.access.kept import Kept
from postroom.access.keys import Columns, columns
from postroom.access.offload import run
from postroom.access.view import View
from postroom.protocol.imap.sort import Criterion, SortKey

SMALL: Final = 4  # a result is small when it is less than a fourth of the mailbox

Program = tuple[Criterion, ...]

_NAMES: Final[dict[SortKey, str]] = {
    SortKey.CC: "copied",
    SortKey.DATE: "sent",
    SortKey.DISPLAYFROM: "shown_author",
    SortKey.DISPLAYTO: "shown_recipient",
    SortKey.FROM: "author",
    SortKey.SUBJECT: "subject",
    SortKey.TO: "recipient",
}


class Order(msgspec.Struct, frozen=True):
    """The messages of a mailbox up to ``last_uid``: their UIDs ascending, and sorted."""

    last_uid: int
    known: "array[int]"
    uids: "array[int]"


async def sort(view: View, uids: Sequence[int], program: Program, kept: Kept) -> list[int]:
    """These ascending UIDs in the order of the program.

    Messages that another session has expunged may be left out.
    """
    if not uids:
        return []
    key = (view.mailbox_id, view.uidvalidity, program)
    order = kept.get(key, Order)
    if order is None or order.last_uid < uids[-1]:
        if SMALL * len(uids) < view.exists:
            return await _sorted(view, uids, program)
        everything = view.numbering.uids
        found = await _sorted(view, everything, program)
        order = Order(everything[-1], array("I", sorted(found)), array("I", found))
        kept.put(key, order, 2 * order.uids.itemsize * len(found))
    if len(order.known) == len(uids) and order.known == array("I", uids):
        return list(order.uids)
    return await run(len(order.uids), _only, order.uids, uids)


def _only(order: Sequence[int], uids: Sequence[int]) -> list[int]:
    wanted = frozenset(uids)
    return [uid for uid in order if uid in wanted]


async def _sorted(view: View, uids: Sequence[int], program: Program) -> list[int]:
    names = [_NAMES[one.key] for one in program if one.key in _NAMES]
    pages = [page async for page in columns(view, uids, names)]
    return await run(len(uids), _in_order, pages, program)


def _in_order(pages: Sequence[Columns], program: Program) -> list[int]:
    """Sort by the last criterion first: what is equal by one stays as the next left it."""
    uids = [uid for page in pages for uid in page[0]]
    places = list(range(len(uids)))
    for at in reversed(range(len(program))):
        column = [value for page in pages for value in _values(page, at, program)]
        places.sort(key=column.__getitem__, reverse=program[at].is_reverse)
    return [uids[place] for place in places]


def _values(page: Columns, at: int, program: Program) -> Sequence[Any]:
    """The column of a criterion; without a sent date INTERNALDATE counts (RFC 5256 §2.2)."""
    key = program[at].key
    if key is SortKey.ARRIVAL:
        return page[1]
    if key is SortKey.SIZE:
        return page[2]
    column = page[4 + sum(one.key in _NAMES for one in program[:at])]
    if key is SortKey.DATE and None in column:
        return [
            received if sent is None else sent
            for sent, received in zip(column, page[1], strict=True)
        ]
    return column
