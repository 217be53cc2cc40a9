import tracemalloc

from hypothesis import given, strategies as st

from postroom.policy import buckets as module
from postroom.policy.buckets import HOUR, MINUTE, Buckets


def test_a_bucket_empties_and_fills_again() -> None:
    buckets = Buckets(10, MINUTE)
    assert all(buckets.take("a", 0) for _ in range(10))
    assert not buckets.take("a", 0)
    assert buckets.take("b", 0)
    assert not buckets.take("a", 5_999)
    assert buckets.take("a", 6_000)
    assert not buckets.take("a", 6_000)
    assert all(buckets.take("a", 10 * MINUTE) for _ in range(10))
    assert not buckets.take("a", 10 * MINUTE)


def test_to_look_takes_nothing() -> None:
    buckets = Buckets(2, MINUTE)
    assert all(buckets.has("a", 0) for _ in range(3))
    assert len(buckets) == 0
    assert buckets.take("a", 0, 2)
    assert not buckets.has("a", 29_999)
    assert buckets.has("a", 30_000)
    assert buckets.take("a", 30_000)
    assert not buckets.has("a", 30_000)
    assert Buckets(0, MINUTE).has("a", 0)


def test_what_is_refused_takes_nothing() -> None:
    buckets = Buckets(10, MINUTE)
    assert not buckets.take("a", 0, 11)
    assert buckets.take("a", 0, 10)
    assert not buckets.take("a", 3_000, 1)
    assert buckets.take("a", 6_000, 1)


def test_tokens_come_back() -> None:
    buckets = Buckets(3, HOUR)
    assert buckets.take("a", 0, 3)
    buckets.give_back("a", 0)
    assert buckets.take("a", 0)
    assert not buckets.take("a", 0)
    buckets.give_back("a", 0, 100)
    assert len(buckets) == 0  # full: nothing is kept of it
    assert buckets.take("a", 0, 3)
    assert not buckets.take("a", 0)
    buckets.give_back("nobody", 0)


def test_without_a_limit_nothing_is_kept() -> None:
    buckets = Buckets(0, MINUTE)
    assert all(buckets.take(str(number), 0, 1_000) for number in range(100))
    assert len(buckets) == 0


def test_a_clock_that_is_set_back_locks_nobody_out_for_longer_than_a_period() -> None:
    buckets = Buckets(10, MINUTE)
    assert buckets.take("a", 1_000 * HOUR, 10)
    assert not buckets.take("a", 0)
    assert buckets.take("a", MINUTE, 10)


def test_who_only_looks_is_not_locked_out_either() -> None:
    buckets = Buckets(60, MINUTE)
    assert buckets.take("a", HOUR, 60)
    assert not buckets.has("a", 0)
    assert buckets.has("a", 1_000)


def test_a_hundred_thousand_keys_take_bounded_memory() -> None:
    buckets = Buckets(1, HOUR)
    tracemalloc.start()
    for number in range(100_000):
        buckets.take(f"192.0.{number}", 0)
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(buckets) == module.MAX_KEYS
    assert used < 8 << 20
    assert not buckets.take("192.0.99999", 0)
    assert buckets.take("192.0.0", 0)  # the oldest was forgotten: in its favour


@given(st.lists(st.tuples(st.integers(0, 5_000), st.integers(1, 4)), max_size=60))
def test_never_more_than_twice_the_limit_in_a_period(steps: list[tuple[int, int]]) -> None:
    """A full bucket and what flows in meanwhile: never more."""
    buckets, now, taken = Buckets(10, MINUTE), 0, []
    for wait, tokens in steps:
        now += wait
        if buckets.take("a", now, tokens):
            taken.append((now, tokens))
    for start, _ in taken:
        within = sum(tokens for at, tokens in taken if start <= at < start + MINUTE)
        assert within <= 20
