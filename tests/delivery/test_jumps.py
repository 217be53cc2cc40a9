"""Jumps of the wall clock."""

import pytest

from postroom.delivery.jumps import LEAST_MS, Jumps
from tests.fakes import Clock


@pytest.mark.parametrize("jump", [LEAST_MS, -LEAST_MS, 365 * 86_400_000, -365 * 86_400_000])
def test_a_jump_is_seen_once_and_remembered_for_a_while(jump: int) -> None:
    clock, steady = Clock(), Clock(0)
    jumps = Jumps(clock, steady, pause_ms=5000)
    assert (jumps.look(), jumps.is_careful) == (0, False)
    clock.advance(jump)
    assert (jumps.look(), jumps.is_careful) == (jump, True)
    for both in (clock, steady):
        both.advance(4999)
    assert (jumps.look(), jumps.is_careful) == (0, True)
    steady.advance(1)
    assert not jumps.is_careful


def test_time_that_passes_is_no_jump_nor_is_a_clock_that_drifts() -> None:
    clock, steady = Clock(), Clock(0)
    jumps = Jumps(clock, steady, pause_ms=5000)
    for _ in range(3):
        clock.advance(days=9)
        steady.advance(LEAST_MS - 1, days=9)
        assert (jumps.look(), jumps.is_careful) == (0, False)
