"""Ids rise, whatever the clock does."""

from itertools import pairwise

import pytest
from hypothesis import given, strategies

from postroom.db.ids import Ids, from_text, to_text
from postroom.errors import StorageFailed


@given(
    ticks=strategies.lists(strategies.integers(1, 2**41), min_size=1, max_size=50),
    above=strategies.integers(0, 2**62),
    node=strategies.integers(0, 255),
)
def test_ids_always_rise_above_what_is_stored(ticks: list[int], above: int, node: int) -> None:
    clock = iter(ticks)
    ids = Ids(lambda: next(clock), node=node, above=above)
    made = [above, *[ids.next() for _ in ticks]]
    assert all(first < second for first, second in pairwise(made))
    assert made[-1] < 2**63


def test_a_full_millisecond_goes_on_in_the_next() -> None:
    ids = Ids(lambda: 1_000)
    made = [ids.next() for _ in range(20_000)]
    assert len(set(made)) == 20_000
    assert made[-1] >> 21 == 1_002


@given(
    ticks=strategies.lists(strategies.integers(1, 2**41), min_size=1, max_size=30),
    counts=strategies.lists(strategies.integers(0, 8_192), min_size=1, max_size=30),
)
def test_runs_follow_each_other(ticks: list[int], counts: list[int]) -> None:
    """0 stands for ``next``."""
    clock = iter(ticks)
    ids = Ids(lambda: next(clock, 1), node=5)
    last = 0
    for count in counts:
        first = ids.run(count) if count else ids.next()
        assert first > last
        last = first + max(count, 1) - 1
        assert last >> 13 == first >> 13  # all of one millisecond and node


def test_a_run_has_an_end() -> None:
    ids = Ids(lambda: 5)
    for count in (0, 8_193):
        with pytest.raises(ValueError):
            ids.run(count)
    ids.lease(3, 10, 11)
    ids.run(8_192)
    with pytest.raises(StorageFailed, match="lease"):
        ids.run(1)


def test_nodes_do_not_meet() -> None:
    first, second = Ids(lambda: 5, node=1), Ids(lambda: 5, node=2)
    assert not {first.next() for _ in range(9)} & {second.next() for _ in range(9)}


def test_a_lease_gives_its_milliseconds_and_no_more() -> None:
    now = [1_000]
    ids = Ids(lambda: now[0])
    before = ids.next()
    assert ids.tick == 1_001
    ids.lease(3, 5_000, 5_002)
    assert ids.node == 3
    made = [ids.next() for _ in range(2 << 13)]
    assert before < made[0]
    assert made == sorted(set(made))
    assert {(one >> 21, one >> 13 & 255) for one in made} == {(5_000, 3), (5_001, 3)}
    for time in (1_000, 5_003):
        now[0] = time
        with pytest.raises(StorageFailed, match="lease"):
            ids.next()
    ids.extend(5_004)
    assert ids.next() > made[-1]


@given(strategies.integers(0, 2**63 - 1))
def test_text_is_read_back(ident: int) -> None:
    text = to_text(ident)
    assert len(text) == 13
    assert from_text(text) == from_text(text.upper()) == ident


@given(strategies.lists(strategies.integers(0, 2**63 - 1)))
def test_text_is_in_the_order_of_ids(idents: list[int]) -> None:
    assert sorted(map(to_text, idents)) == [to_text(ident) for ident in sorted(idents)]


@pytest.mark.parametrize(
    "text",
    ["", "0" * 12, "0" * 14, "000000000000u", "000000000000é", "8000000000000", "x" * 13],
)
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        from_text(text)
