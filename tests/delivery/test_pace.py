"""How a destination is treated after a batch."""

from hypothesis import given, strategies as st

from postroom.delivery.pace import Verdict, pace
from postroom.queue.claims import Pace
from tests.fakes import START


def after(verdict: Verdict, cap: int = 5, failures: int = 0, most: int = 20) -> Pace | None:
    return pace(
        verdict, cap=cap, failures=failures, most=most, now=START, chance=0.5, reply="451 no"
    )


def test_what_goes_well_grows_to_the_most() -> None:
    assert after("good") == Pace(6, 0, 0, "")
    assert after("good", cap=20) is None
    assert after("good", cap=1, failures=3) == Pace(2, 0, 0, "")
    assert after("good", cap=20, failures=1) == Pace(20, 0, 0, "")


def test_a_busy_server_gets_half_and_a_moment() -> None:
    assert after("busy", cap=8) == Pace(4, 0, START + 7_500, "451 no")
    assert after("busy", cap=1, failures=2) == Pace(1, 2, START + 7_500, "451 no")


def test_a_dead_one_is_put_off_longer_each_time_and_not_for_ever() -> None:
    pauses = []
    for failures in (0, 1, 2, 3, 4, 5, 50):
        found = after("dead", failures=failures)
        assert found is not None
        assert (found.cap, found.failures) == (1, failures + 1)
        pauses.append((found.paused_until - START) // 60_000)
    assert pauses == [1, 2, 4, 8, 16, 30, 30]


def test_nothing_learnt_changes_nothing() -> None:
    assert after("unused") is None


@given(
    st.sampled_from(["good", "busy", "dead", "unused"]),
    st.integers(1, 100),
    st.integers(0, 100),
    st.integers(1, 50),
    st.floats(0, 1, exclude_max=True),
)
def test_a_destination_always_keeps_a_slot(
    verdict: Verdict, cap: int, failures: int, most: int, chance: float
) -> None:
    found = pace(verdict, cap=cap, failures=failures, most=most, now=START, chance=chance, reply="")
    if found is not None:
        assert 1 <= found.cap <= max(most, cap)
        assert found.paused_until == 0 or found.paused_until >= START
