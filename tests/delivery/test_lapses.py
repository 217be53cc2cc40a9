"""Leases that look dead, and those that are."""

from postroom.delivery.lapses import Lapses


def test_what_nobody_renews_is_dead_after_a_while() -> None:
    lapses = Lapses(200)
    assert lapses.dead({1: 50, 2: 60}, 1_000) == {}
    assert lapses.dead({1: 50, 2: 60}, 1_199) == {}
    assert lapses.dead({1: 50, 2: 60, 3: 70}, 1_200) == {1: 50, 2: 60}
    assert lapses.dead({}, 1_300) == {}
    assert lapses.dead({3: 70}, 1_400) == {}  # it was gone in between


def test_what_is_renewed_lives_however_old_it_looks() -> None:
    lapses = Lapses(200)
    for number in range(9):
        assert lapses.dead({1: 50 + number // 2}, 1_000 + 100 * number) == {}
    assert lapses.dead({1: 54}, 1_999) == {}
    assert lapses.dead({1: 54}, 2_000) == {1: 54}
