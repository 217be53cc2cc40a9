"""Contexts: results of searches that are kept up to date while a mailbox is selected.

``look`` judges again what has changed since, and only that; the answer says what to add to
each result and what to remove, in the order to tell it. The result of a SEARCH is in the
order of the mailbox and its updates name no places (place 0); that of a SORT has an order,
and its updates name the places, from 1, at which they are made one after the other.

RFC 5267 §4.3.
"""

from array import array
from collections.abc import AsyncIterator, Iterable, Sequence
from itertools import pairwise
from typing import Final

import msgspec

from postroom.access.kept import Kept
from postroom.access.numbering import STAR
from postroom.access.offload import run
from postroom.access.search import search
from postroom.access.sort import Program, sort
from postroom.access.view import View
from postroom.protocol.imap import search as keys
from postroom.protocol.imap.fetch import FetchItem
from postroom.protocol.imap.search import SearchKey
from postroom.protocol.imap.sets import MAX_NUMBER, SAVED, joined
from postroom.store import listing

MOST: Final = 10  # contexts of a session
MOST_RESULTS: Final = 1_000_000  # of all of them together
MOST_SORTED: Final = 100_000  # results of one SORT
MOST_CHANGED: Final = 1_000  # messages that are judged one by one, more are searched for anew
RANGES: Final = 100  # of UIDs in one search

Change = tuple[int, list[int]]  # a place, and UIDs in the order of the result


class Context(msgspec.Struct):
    """One search: what it looks for, and the UIDs of its result in their order."""

    tag: bytes
    key: SearchKey
    program: Program
    by_uid: bool
    items: tuple[FetchItem, ...]
    uids: "array[int]"


class Update(msgspec.Struct, frozen=True):
    """What happens to a result; ``fresh`` are those added that have come just now."""

    context: Context
    removed: list[Change]
    added: list[Change]
    fresh: list[int]


class Contexts:
    """The contexts of a selected mailbox."""

    def __init__(self, view: View, kept: Kept, modseq: int) -> None:
        """``modseq``: what has changed up to there is known."""
        self._view = view
        self._kept = kept
        self._modseq = modseq
        self._last_uid = view.last_uid
        self._contexts: dict[bytes, Context] = {}

    def __contains__(self, tag: bytes) -> bool:
        """Whether there is a context of this tag."""
        return tag in self._contexts

    def has_room(self, key: SearchKey, program: Program, results: int) -> bool:
        """Whether one more can be kept up to date.

        Not one whose result changes by the time alone (OLDER, YOUNGER).
        """
        held = sum(len(context.uids) for context in self._contexts.values())
        return (
            len(self._contexts) < MOST
            and held + results <= MOST_RESULTS
            and (not program or results <= MOST_SORTED)
            and not any(isinstance(leaf, keys.Within) for leaf in keys.leaves(key))
        )

    def add(self, context: Context) -> None:
        """Keep a result up to date from now on."""
        self._contexts[context.tag] = context

    def cancel(self, tag: bytes) -> None:
        """Forget a context."""
        del self._contexts[tag]

    async def expunged(self, uids: Sequence[int]) -> list[Update]:
        """Messages are gone: what leaves the results."""
        gone = frozenset(uids)
        updates: list[Update] = []
        for context in self._contexts.values():
            removed = await run(len(context.uids), _remove, context, gone)
            if removed:
                updates.append(Update(context, removed, [], []))
        return updates

    async def look(self) -> AsyncIterator[Update]:
        """What has changed since the last whole look, of messages that the session knows."""
        view = self._view
        modseq = await view.modseq()
        last_uid = view.last_uid
        if not self._contexts or (modseq, last_uid) == (self._modseq, self._last_uid):
            return
        changed = await view.source.read(
            listing.changed, view.mailbox_id, self._modseq, MOST_CHANGED, view.member
        )
        fresh = view.numbering.part([(self._last_uid + 1, last_uid)], 0, view.exists)
        for context in list(self._contexts.values()):
            update = await self._judged(context, changed, fresh)
            if update.removed or update.added:
                yield update
        self._modseq, self._last_uid = modseq, last_uid

    async def _judged(
        self, context: Context, changed: Sequence[int] | None, fresh: Sequence[tuple[int, int]]
    ) -> Update:
        """Search again among the changed messages, None is all, and the fresh ones."""
        view, size = self._view, len(context.uids)
        if changed is None:
            matching = await search(view, context.key)
            gone = await run(size, _without, context.uids, matching)
        else:
            matching = []
            ranges = [*joined([uid for uid in changed if uid <= self._last_uid]), *fresh]
            for start in range(0, len(ranges), RANGES):
                some = keys.Numbers(tuple(ranges[start : start + RANGES]), by_uid=True)
                matching += await search(view, keys.And((some, context.key)))
            gone = frozenset(changed).difference(matching)
        new = await run(size, _without, matching, context.uids)
        if not new:
            return Update(context, await run(size, _remove, context, gone), [], [])
        order = uids = await run(size, _together, context.uids, gone, new)
        if context.program:
            order = await sort(view, uids, context.program, self._kept)
            if len(order) != len(uids):  # an expunge that is still to be told
                gone = gone.union(uids).difference(order)
                new = new.intersection(order)
        removed = await run(size, _remove, context, gone)
        context.uids = array("I", order)
        added = [(0, sorted(new))] if not context.program else await run(size, _runs, order, new)
        return Update(context, removed, added, sorted(uid for uid in new if uid > self._last_uid))


def settled(view: View, key: SearchKey) -> SearchKey:
    """The key with sequence numbers and "$" as the UIDs that they are now (RFC 5267 §4.3).

    A set of UIDs that is open at its end stays so. Depth is bounded by the parser.
    """
    match key:
        case keys.And(some):
            return keys.And(tuple([settled(view, one) for one in some]))
        case keys.Or(left, right):
            return keys.Or(settled(view, left), settled(view, right))
        case keys.Not(one):
            return keys.Not(settled(view, one))
        case keys.Numbers(ranges, by_uid) if by_uid and ranges != SAVED:
            top = view.uid_ranges([(STAR, STAR)], by_uid=True)
            return keys.Numbers(
                tuple([_open(one, top[0][0] if top else MAX_NUMBER) for one in ranges]), by_uid=True
            )
        case keys.Numbers(ranges, by_uid):
            return keys.Numbers(tuple(view.uid_ranges(ranges, by_uid=by_uid)), by_uid=True)
        case _:
            return key


def _open(one: tuple[int, int], top: int) -> tuple[int, int]:
    low, high = one
    if low == STAR:
        return top, top
    return (low, MAX_NUMBER) if high == STAR else one


def _without(uids: Sequence[int], others: Iterable[int]) -> frozenset[int]:
    return frozenset(uids).difference(others)


def _together(uids: Sequence[int], gone: frozenset[int], new: frozenset[int]) -> list[int]:
    return sorted([*[uid for uid in uids if uid not in gone], *new])


def _remove(context: Context, gone: frozenset[int]) -> list[Change]:
    """Take messages out of a result; what to tell of it."""
    found = _runs(context.uids, gone)
    if not found:
        return []
    context.uids = array("I", [uid for uid in context.uids if uid not in gone])
    if context.program:
        return found[::-1]  # from the end, so that the places before stay what they are
    return [(0, [uid for _, uids in found for uid in uids])]


def _runs(order: Sequence[int], chosen: frozenset[int]) -> list[Change]:
    """The chosen ones in their order, each run with its place from 1."""
    places = [place for place, uid in enumerate(order) if uid in chosen]
    starts = [at for at, (one, two) in enumerate(pairwise([-2, *places])) if two != one + 1]
    return [
        (places[start] + 1, [order[place] for place in places[start:end]])
        for start, end in pairwise([*starts, len(places)])
    ]
