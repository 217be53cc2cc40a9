"""Sequence sets."""

import pytest
from hypothesis import given, strategies as st

from postroom.protocol.imap.sets import STAR, BadSet, joined, parse_set, write_ranges, write_set


@pytest.mark.parametrize(
    ("text", "ranges"),
    [
        (b"1", ((1, 1),)),
        (b"1:3,7", ((1, 3), (7, 7))),
        (b"9:7", ((7, 9),)),
        (b"*", ((STAR, STAR),)),
        (b"*:4", ((4, STAR),)),
        (b"1:4294967295", ((1, 4294967295),)),
    ],
)
def test_reads(text: bytes, ranges: tuple[tuple[int, int], ...]) -> None:
    assert parse_set(text) == ranges


@pytest.mark.parametrize(
    "text",
    [b"", b"0", b"01", b"1,", b",1", b"1:", b":1", b"1:2:3", b"a", b"4294967296", b"1" * 50, b"**"],
)
def test_refuses(text: bytes) -> None:
    with pytest.raises(BadSet):
        parse_set(text)


def test_a_huge_range_costs_nothing() -> None:
    assert len(parse_set(b"1:4294967295," * 5000 + b"1")) == 5001


def test_writes_neighbours_joined_and_keeps_the_order() -> None:
    assert write_set([1, 2, 3, 7, 6]) == b"1:3,7,6"
    assert write_set([5]) == b"5"
    assert write_set([]) == b""


@given(st.lists(st.integers(1, 0xFFFFFFFF), min_size=1, max_size=50))
def test_written_sets_read_back_in_order(numbers: list[int]) -> None:
    ranges = parse_set(write_set(numbers))
    assert [n for first, last in ranges for n in range(first, last + 1)] == numbers


@given(st.binary(max_size=40) | st.text("0123456789:,*", max_size=40).map(str.encode))
def test_any_octets_read_or_fail_by_name(octets: bytes) -> None:
    try:
        ranges = parse_set(octets)
    except BadSet:
        return
    assert all(1 <= first <= last <= STAR for first, last in ranges)


def test_ranges() -> None:
    assert joined([1, 2, 3, 7, 9, 10]) == [(1, 3), (7, 7), (9, 10)]
    assert write_ranges([(9, 10), (1, 1)]) == b"9:10,1"
