"""When a delivery is tried again."""

import pytest
from hypothesis import given, strategies as st

from postroom.delivery.schedule import SPREAD, Schedule, is_late, next_attempt, wait
from tests.fakes import START

MINUTE = 60_000
HOUR = 60 * MINUTE
PLAIN = Schedule()


@pytest.mark.parametrize(
    ("attempts", "minutes"), [(1, 5), (2, 10), (3, 20), (4, 40), (6, 160), (7, 240), (99, 240)]
)
def test_waits_double_up_to_the_longest(attempts: int, minutes: int) -> None:
    assert wait(PLAIN, attempts, 0.5) == minutes * MINUTE


def test_five_days_of_deferrals_are_a_known_number_of_attempts() -> None:
    now, attempts = START, 1
    while later := next_attempt(PLAIN, due=START, attempts=attempts, now=now, chance=0.5):
        assert later > now
        now, attempts = later, attempts + 1
    assert attempts == 36
    assert now == START + PLAIN.give_up


def test_the_patience_begins_when_the_message_was_to_go() -> None:
    assert next_attempt(PLAIN, due=START, attempts=40, now=START + 119 * HOUR, chance=0.5) == (
        START + 120 * HOUR
    )
    assert next_attempt(PLAIN, due=START, attempts=40, now=START + 120 * HOUR, chance=0) is None
    late = START + 99 * HOUR
    assert next_attempt(PLAIN, due=late, attempts=1, now=START + 120 * HOUR, chance=0.5) == (
        START + 120 * HOUR + 5 * MINUTE
    )


@pytest.mark.parametrize(
    ("attempts", "gives_up"), [(1, False), (2, False), (15, False), (30, True)]
)
def test_few_attempts_have_not_taken_five_days(attempts: int, gives_up: bool) -> None:
    """The clock has jumped, or the host was dead and nothing was tried."""
    now = START + 121 * HOUR
    found = next_attempt(PLAIN, due=START, attempts=attempts, now=now, chance=0.5)
    assert found == (None if gives_up else now + wait(PLAIN, attempts, 0.5))


def test_the_sender_is_told_of_a_delay_in_time_or_never() -> None:
    assert not is_late(PLAIN, due=START, now=START + 4 * HOUR - 1)
    assert is_late(PLAIN, due=START, now=START + 4 * HOUR)
    assert not is_late(Schedule(delay_notice=0), due=START, now=START + 400 * HOUR)


@given(
    attempts=st.integers(0, 10**6),
    chance=st.floats(0, 1, exclude_max=True),
    first=st.integers(1, 10**7),
    longest=st.integers(1, 10**9),
)
def test_every_wait_is_within_its_bounds(
    attempts: int, chance: float, first: int, longest: int
) -> None:
    schedule = Schedule(first_retry=first, longest_retry=longest)
    found = wait(schedule, attempts, chance)
    assert 0 <= found <= longest * (1 + SPREAD) + 1
    assert found >= min(first, longest) * (1 - SPREAD) - 1
    assert wait(schedule, attempts + 1, chance) >= found


def test_patience_of_a_backup_mx_is_never_the_shorter() -> None:
    assert PLAIN.patience(patient=True) == 30 * 24 * HOUR
    assert PLAIN.patience(patient=False) == 5 * 24 * HOUR
    assert Schedule(give_up=9, backup_give_up=3).patience(patient=True) == 9
    late = START + PLAIN.give_up
    assert next_attempt(PLAIN, due=START, attempts=40, now=late, chance=0.5) is None
    again = next_attempt(PLAIN, due=START, attempts=40, now=late, chance=0.5, patient=True)
    assert again == late + PLAIN.longest_retry
