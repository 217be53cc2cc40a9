"""Sequence numbers and UIDs."""

import time
from array import array

import pytest
from hypothesis import given, strategies as st

from postroom.access.numbering import STAR, Numbering, common, merge, within
from postroom.errors import Invalid
from postroom.store.spans import MAX_LISTED, Span

UIDS = st.lists(st.integers(1, 40), unique=True).map(sorted)
RANGES = st.lists(st.tuples(st.integers(1, 45), st.integers(1, 45)).map(sorted), max_size=5)


def numbering(uids: list[int]) -> Numbering:
    """As ``View`` makes it: a range where there is no gap."""
    if uids and uids[-1] - uids[0] + 1 == len(uids):
        return Numbering(range(uids[0], uids[-1] + 1))
    return Numbering(array("I", uids))


def test_numbers_and_uids() -> None:
    held = numbering([3, 5, 6, 9])
    assert (len(held), held.last_uid, list(held.uids)) == (4, 9, [3, 5, 6, 9])
    assert [held.sequence_of(uid) for uid in (1, 3, 4, 9, 10)] == [None, 1, None, 4, None]
    assert held.sequences_of([5, 6]) == [2, 3]
    assert held.sequences_of([5, 7, 9]) == [2, 0, 4]
    assert held.sequences_of([]) == []
    assert held.uid_of(4) == 9
    assert [(at, list(uids)) for at, uids in (held.run(4, 8), held.run(10, 12))] == [
        (2, [5, 6]),
        (5, []),
    ]
    assert numbering([7, 8, 9]).run(8, 20) == (2, range(8, 10))
    assert held.count_within([(1, 5), (9, 20)]) == 3
    for bad in (0, 5):
        with pytest.raises(Invalid):
            held.uid_of(bad)


def test_sets() -> None:
    held = numbering([3, 5, 6, 9])
    assert held.uid_ranges([(1, 2), (4, STAR)], by_uid=False) == [(3, 5), (9, 9)]
    assert held.uid_ranges([(6, STAR)], by_uid=True) == [(6, 9)]
    assert held.uid_ranges([(100, STAR)], by_uid=True) == [(9, 9)]
    assert held.uid_ranges([(1, 4294967295)], by_uid=True) == [(1, 9)]
    assert numbering([]).uid_ranges([(1, STAR)], by_uid=False) == []
    with pytest.raises(Invalid):
        held.uid_ranges([(1, 5)], by_uid=False)


@given(st.lists(RANGES, min_size=1, max_size=4))
def test_common_is_what_all_sets_have(sets: list[list[list[int]]]) -> None:
    merged = [merge((low, high) for low, high in ranges) for ranges in sets]
    wanted = set.intersection(
        *({uid for low, high in ranges for uid in range(low, high + 1)} for ranges in merged)
    )
    found = common(merged)
    assert found == merge(found)
    assert {uid for low, high in found for uid in range(low, high + 1)} == wanted


@given(UIDS, RANGES, st.sampled_from([None, 1, 2, 7]))
def test_spans_hold_each_message_once(
    uids: list[int], ranges: list[list[int]], size: int | None
) -> None:
    wanted = merge((low, high) for low, high in ranges)
    found: list[int] = []
    for span in numbering(uids).spans(wanted, size):
        held = [
            uid
            for uid in uids
            if span.first <= uid <= span.last and (span.listed is None or uid in span.listed)
        ]
        assert held
        if size is not None:
            assert len(held) <= size
        found += held
    assert found == [uid for uid in uids if any(low <= uid <= high for low, high in wanted)]


def test_what_is_written_out_in_a_span_is_bounded() -> None:
    held = Numbering(range(1, 10_001))
    odd = [(uid, uid) for uid in range(1, 10_001, 2)]
    spans = list(held.spans(odd, 2 * MAX_LISTED))
    assert max(len(span.listed or ()) for span in spans) == MAX_LISTED
    assert list(held.spans([(1, 9000)], None)) == [Span(1, 9000)]
    assert list(held.spans([(1, 5000)], 2000)) == [
        Span(1, 2000),
        Span(2001, 4000),
        Span(4001, 5000),
    ]


@given(UIDS, st.lists(st.integers(1, 40), unique=True).map(sorted), UIDS)
def test_messages_go_and_come(uids: list[int], gone: list[int], come: list[int]) -> None:
    held = numbering(uids)
    removed, numbers = held.remove(gone)
    assert removed == [uid for uid in gone if uid in uids]
    left = list(uids)
    assert [left.pop(number - 1) for number in numbers] == removed[::-1]
    assert list(held.uids) == left
    last = held.last_uid
    assert last == (uids[-1] if uids else 0)
    fresh = [last + uid for uid in come]
    if fresh:
        held.append(fresh)
    assert list(held.uids) == left + fresh
    assert held.last_uid == (fresh[-1] if fresh else last)


@given(UIDS, st.integers(1, 45), st.integers(1, 45))
def test_gaps_are_what_is_not_there(uids: list[int], low: int, high: int) -> None:
    found = list(numbering(uids).gaps(low, high))
    assert [uid for first, last in found for uid in range(first, last + 1)] == [
        uid for uid in range(low, high + 1) if uid not in uids
    ]
    assert found == merge(found)


@given(UIDS, UIDS)
def test_agreed_is_the_highest_pair_that_is_true(uids: list[int], known: list[int]) -> None:
    pairs = list(enumerate(known, 1))
    expected = max((uid for n, uid in pairs if n <= len(uids) and uids[n - 1] == uid), default=0)
    numbers, theirs = [(1, len(known))] if known else [], merge((uid, uid) for uid in known)
    assert numbering(uids).agreed_uid(numbers, theirs) == expected
    assert numbering(uids).agreed_uid([(n, n) for n, _ in pairs], theirs) == expected


def test_a_longer_set_of_numbers_than_of_uids_is_no_harm() -> None:
    assert numbering([1, 2, 3]).agreed_uid([(1, 4294967295)], [(1, 2)]) == 2
    assert numbering([1, 2, 3]).agreed_uid([(1, 2)], [(1, 4294967295)]) == 2
    assert numbering([1, 2, 3]).agreed_uid([(7, 9)], [(1, 3)]) == 0
    assert numbering([]).agreed_uid([(1, 1)], [(1, 1)]) == 0


@given(UIDS, RANGES)
def test_within(uids: list[int], ranges: list[list[int]]) -> None:
    wanted = merge((low, high) for low, high in ranges)
    found = within(uids, wanted)
    assert [uid for low, high in found for uid in range(low, high + 1)] == [
        uid for uid in uids if any(low <= uid <= high for low, high in wanted)
    ]


def test_a_million_without_gaps_costs_nothing() -> None:
    start = time.process_time()
    held = Numbering(range(1, 1_000_001))
    assert list(held.gaps(1, 4_000_000_000)) == [(1_000_001, 4_000_000_000)]
    assert held.agreed_uid([(1, 1_000_000)], [(1, 1_000_000)]) == 1_000_000
    assert held.remove(range(1, 3)) == ([1, 2], [2, 1])
    assert isinstance(held.uids, range)
    assert time.process_time() - start < 0.1


@given(UIDS, RANGES, st.integers(0, 12), st.integers(0, 12))
def test_a_part_is_counted_among_the_messages(
    uids: list[int], ranges: list[tuple[int, int]], start: int, end: int
) -> None:
    apart = merge((low, high) for low, high in ranges)
    inside = [uid for uid in uids if any(low <= uid <= high for low, high in apart)]
    found = numbering(uids).part(apart, start, end)
    assert [uid for uid in uids if any(low <= uid <= high for low, high in found)] == inside[
        start:end
    ]
