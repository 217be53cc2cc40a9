"""Numbering: which sequence number a session gives to which UID.

UIDs are held as a ``range`` while they have no gap, else as an array of 32-bit numbers.
Nothing here writes out a set of UIDs: it is cut into ranges and spans, and what has no
gap costs as much as one number.

RFC 3501 §2.3.1, §6.4.8, §9 (sequence-set); RFC 7162 §3.2.5.2 (message sequence match data).
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from postroom.errors import Invalid
from postroom.store.spans import MAX_LISTED, Span, span_of

STAR: Final = 0xFFFFFFFF + 1  # "*" in a sequence set

Ranges = Sequence[tuple[int, int]]


class Numbering:
    """The messages of a session in their order; number 1 is the lowest UID."""

    __slots__ = ("_uids", "last_uid")

    def __init__(self, uids: "range | array[int]") -> None:
        """``last_uid`` is the highest UID ever held, 0 for none."""
        self._uids = uids
        self.last_uid: int = uids[-1] if uids else 0

    def __len__(self) -> int:
        """How many messages there are."""
        return len(self._uids)

    @property
    def uids(self) -> Sequence[int]:
        """All UIDs, ascending; not to be changed."""
        return self._uids

    def sequence_of(self, uid: int) -> int | None:
        """The sequence number of a UID; None when there is no such message."""
        uids = self._uids
        if isinstance(uids, range):  # without gaps there is nothing to look for
            return uid - uids.start + 1 if uid in uids else None
        at = bisect_left(uids, uid)
        return at + 1 if at < len(uids) and uids[at] == uid else None

    def sequences_of(self, uids: Sequence[int]) -> list[int]:
        """The sequence numbers of ascending UIDs; 0 for one that is not here."""
        if not uids:
            return []
        start = bisect_left(self._uids, uids[0])
        if list(self._uids[start : start + len(uids)]) == uids:
            return list(range(start + 1, start + 1 + len(uids)))
        return [self.sequence_of(uid) or 0 for uid in uids]

    def run(self, low: int, high: int) -> tuple[int, Sequence[int]]:
        """The UIDs from ``low`` to ``high``, and the sequence number of the first of them."""
        start, end = bisect_left(self._uids, low), bisect_right(self._uids, high)
        return start + 1, self._uids[start:end]

    def uid_of(self, sequence: int) -> int:
        """The UID of a sequence number; raises Invalid."""
        if not 1 <= sequence <= len(self._uids):
            raise Invalid(f"there is no message {sequence}; there are {len(self._uids)}")
        return self._uids[sequence - 1]

    def count_within(self, ranges: Ranges) -> int:
        """How many messages have their UID in these ranges, which are apart."""
        return sum(
            bisect_right(self._uids, last) - bisect_left(self._uids, first)
            for first, last in ranges
        )

    def part(self, ranges: Ranges, start: int, end: int) -> list[tuple[int, int]]:
        """Of the messages within ranges, which are apart, those at these places from 0."""
        found: list[tuple[int, int]] = []
        passed = 0
        for low, high in ranges:
            at = bisect_left(self._uids, low)
            count = bisect_right(self._uids, high) - at
            first, last = max(start - passed, 0), min(end - passed, count)
            if first < last:
                found.append((self._uids[at + first], self._uids[at + last - 1]))
            passed += count
        return found

    def uid_ranges(self, numbers: Ranges, *, by_uid: bool) -> list[tuple[int, int]]:
        """Ranges of UIDs, ascending and apart, for a sequence set; ``STAR`` is "*".

        UIDs that do not exist are no error (RFC 3501 §6.4.8), sequence numbers are:
        Invalid. In an empty mailbox a set with "*" is empty.
        """
        top = (self._uids[-1] if self._uids else 0) if by_uid else len(self._uids)
        ordered = [_bounds(low, high, top) for low, high in numbers]
        if not by_uid and any(low < 1 or high > top for low, high in ordered if high):
            raise Invalid(f"the set names a message above {top}, the last one")
        merged = merge((max(low, 1), min(high, top)) for low, high in ordered)
        if by_uid:
            return merged
        return [(self._uids[low - 1], self._uids[high - 1]) for low, high in merged]

    def spans(self, ranges: Ranges, size: int | None = MAX_LISTED) -> Iterator[Span]:
        """Cut ranges of UIDs into spans of at most ``size`` messages.

        ``size`` None cuts no long run, for what must be one transaction.
        """
        room = min(size or MAX_LISTED, MAX_LISTED)  # of what must be written out
        held: list[int] = []
        runs = 0
        for low, high in ranges:
            start, end = bisect_left(self._uids, low), bisect_right(self._uids, high)
            runs += 1
            while start < end:
                if not held and end - start >= room:
                    stop = end if size is None else min(end, start + size)
                    yield Span(self._uids[start], self._uids[stop - 1])
                    start = stop
                    continue
                if not held:
                    runs = 1
                taken = self._uids[start : min(end, start + room - len(held))]
                held.extend(taken)
                start += len(taken)
                if len(held) == room:
                    yield span_of(held) if runs > 1 else Span(held[0], held[-1])
                    held = []
        if held:
            yield span_of(held) if runs > 1 else Span(held[0], held[-1])

    def gaps(self, low: int, high: int) -> Iterator[tuple[int, int]]:
        """The ranges of UIDs from ``low`` to ``high`` that no message has."""
        at = bisect_left(self._uids, low)
        while at < len(self._uids) and self._uids[at] <= high:
            if low < self._uids[at]:
                yield low, self._uids[at] - 1
            at = self._end_of_run(at)
            low = self._uids[at - 1] + 1
        if low <= high:
            yield low, high

    def agreed_uid(self, numbers: Ranges, uids: Ranges) -> int:
        """The highest UID whose sequence number is as a client believes; 0 for none.

        The client's pairs are the sequence numbers and the UIDs at the same places of two
        ascending sets (RFC 7162 §3.2.5.2).
        """
        agreed = 0
        for sequence, uid, count in _pairs(numbers, uids):
            agreed = max(agreed, self._agreed_of_run(sequence, uid, count))
        return agreed

    def append(self, uids: Sequence[int]) -> None:
        """Take in new messages, ascending and above ``last_uid``."""
        first, last = uids[0], uids[-1]
        self.last_uid = last
        held = self._uids
        if isinstance(held, range):
            if last - first + 1 == len(uids) and (not held or held.stop == first):
                self._uids = range(held.start if held else first, last + 1)
                return
            held = self._uids = array("I", held)
        held.extend(uids)

    def remove(self, uids: Iterable[int]) -> tuple[list[int], list[int]]:
        """Drop messages, those that are here of ascending UIDs; their UIDs and numbers.

        The sequence numbers come from the highest down, so that each is valid when those
        before it are gone.
        """
        known = list(uids)
        numbers = self.sequences_of(known)
        gone = [uid for uid, number in zip(known, numbers, strict=True) if number]
        places = [number for number in numbers if number]
        if places:
            self._cut(places)
        places.reverse()
        return gone, places

    def _cut(self, places: Sequence[int]) -> None:
        if places[-1] - places[0] + 1 == len(places) and isinstance(self._uids, range):
            if places[0] == 1:
                self._uids = self._uids[len(places) :]
                return
            if places[-1] == len(self._uids):
                self._uids = self._uids[: -len(places)]
                return
        kept = array("I")
        start = 0
        for number in places:
            kept.extend(self._uids[start : number - 1])
            start = number
        kept.extend(self._uids[start:])
        self._uids = kept

    def _end_of_run(self, at: int) -> int:
        """Behind the last of the UIDs that follow the one at this place without a gap."""
        shift = self._uids[at] - at
        step = 1
        while at + step < len(self._uids) and self._uids[at + step] - at - step == shift:
            at += step
            step *= 2
        end = min(at + step, len(self._uids))
        while end - at > 1:
            middle = (at + end) // 2
            if self._uids[middle] - middle == shift:
                at = middle
            else:
                end = middle
        return end

    def _agreed_of_run(self, sequence: int, uid: int, count: int) -> int:
        """The same for ``count`` pairs that follow each other.

        What the UID of a number is ahead of the client's belief never falls, so the last
        pair that agrees is found by halving.
        """
        low, high = 0, min(count, len(self._uids) - sequence + 1)
        while low < high:
            middle = (low + high) // 2
            if self._uids[sequence - 1 + middle] - middle <= uid:
                low = middle + 1
            else:
                high = middle
        at = low - 1
        if at < 0 or self._uids[sequence - 1 + at] != uid + at:
            return 0
        return uid + at


def common(sets: Sequence[Ranges]) -> list[tuple[int, int]]:
    """What is in all of these sets of ranges, each of which ascends and is apart."""
    steps = sorted(
        step for ranges in sets for low, high in ranges for step in ((low, 1), (high + 1, -1))
    )
    found: list[tuple[int, int]] = []
    depth = start = 0
    for place, step in steps:
        if depth == len(sets) and start < place:
            found.append((start, place - 1))
        depth += step
        start = place
    return found


def merge(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ascending, apart, not empty."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(pair for pair in ranges if 0 < pair[0] <= pair[1]):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return merged


def within(uids: Sequence[int], ranges: Ranges) -> list[tuple[int, int]]:
    """The ascending ``uids`` that lie in these ranges, which ascend and are apart, as ranges."""
    lows = [low for low, _ in ranges]
    found: list[tuple[int, int]] = []
    for uid in uids:
        at = bisect_right(lows, uid) - 1
        if at < 0 or uid > ranges[at][1]:
            continue
        if found and found[-1][1] == uid - 1:
            found[-1] = found[-1][0], uid
        else:
            found.append((uid, uid))
    return found


def _bounds(low: int, high: int, top: int) -> tuple[int, int]:
    low, high = (top if low == STAR else low), (top if high == STAR else high)
    if not top and 0 in {low, high}:
        return 0, 0
    return (low, high) if low <= high else (high, low)


def _pairs(numbers: Ranges, uids: Ranges) -> Iterator[tuple[int, int, int]]:
    """(sequence number, UID, count) of runs in which both rise by one."""
    rest = iter(uids)
    low, high = 1, 0  # what is left of a range of UIDs
    for first, last in numbers:
        at = first
        while at <= last:
            if low > high:
                pair = next(rest, None)
                if pair is None:
                    return
                low, high = pair
            count = min(last - at, high - low) + 1
            yield at, low, count
            at += count
            low += count
