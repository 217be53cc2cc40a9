"""What is kept, for how long, and what goes first."""

from hypothesis import given, strategies as st

from postroom.net.dns_cache import FAILURE_SECONDS, Cache, Key
from postroom.net.dns_message import Failure
from postroom.net.dns_records import Answer, Mx, Record, Tlsa
from tests.fakes import Clock


class Seconds(Clock):
    """A clock in whole seconds."""

    def __init__(self) -> None:
        super().__init__(1_000)

    def __call__(self) -> int:
        return self.now


def answer(*records: Record, ttl: int = 60) -> Answer[Record]:
    return Answer(records, False, ttl, "a.test")


A: Key = ("a.test", "A")
B: Key = ("b.test", "A")
C: Key = ("c.test", "A")


def test_an_answer_is_kept_for_its_ttl() -> None:
    clock = Seconds()
    cache = Cache(clock)
    assert cache.get(A) is None
    found = answer("192.0.2.1")
    cache.put(A, found)
    assert cache.get(A) is found
    assert cache.get(("a.test", "AAAA")) is None
    clock.now += 25
    kept = cache.get(A)
    assert kept == answer("192.0.2.1", ttl=35)
    clock.now += 34
    assert cache.get(A) == answer("192.0.2.1", ttl=1)
    clock.now += 1
    assert cache.get(A) is None
    assert len(cache) == 0


def test_a_failure_is_kept_for_some_seconds() -> None:
    clock = Seconds()
    cache = Cache(clock)
    cache.put(A, Failure("down"))
    clock.now += FAILURE_SECONDS - 1
    assert cache.get(A) == Failure("down")
    clock.now += 1
    assert cache.get(A) is None


def test_the_newest_counts() -> None:
    clock = Seconds()
    cache = Cache(clock)
    cache.put(A, Failure("down"))
    cache.put(A, answer("192.0.2.1"))
    cache.put(A, answer("192.0.2.2"))
    assert cache.get(A) == answer("192.0.2.2")
    assert len(cache) == 1


def test_what_was_not_used_for_longest_goes_first() -> None:
    cache = Cache(Seconds(), entries=2)
    cache.put(A, answer())
    cache.put(B, answer())
    assert cache.get(A)
    cache.put(C, answer())
    assert cache.get(B) is None
    assert cache.get(A)
    assert cache.get(C)


def test_large_answers_are_bounded_by_their_octets() -> None:
    cache = Cache(Seconds(), octets=100_000)
    for number in range(50):
        cache.put((f"{number}.test", "TXT"), answer(b"x" * 30_000))
    assert len(cache) == 3
    cache.put(A, answer(Tlsa(3, 1, 1, b"x" * 200_000)))
    assert len(cache) == 0  # too large to be kept at all
    cache.put(A, answer(*[Mx(1, "x" * 1_000)] * 200))
    assert len(cache) == 0
    cache.put(A, answer(*[Mx(1, "x" * 100)] * 200))
    assert len(cache) == 1


def test_everything_is_forgotten() -> None:
    cache = Cache(Seconds(), octets=100_000)
    for _ in range(10):
        cache.put(A, answer(b"x" * 90_000))
        cache.clear()
    assert len(cache) == 0
    cache.put(A, answer(b"x" * 90_000))
    assert len(cache) == 1


@given(
    st.lists(
        st.tuples(st.sampled_from("abcdef"), st.integers(1, 20), st.integers(0, 5), st.booleans()),
        max_size=40,
    )
)
def test_like_a_dictionary_with_times(steps: list[tuple[str, int, int, bool]]) -> None:
    clock = Seconds()
    cache = Cache(clock, entries=1_000)
    model: dict[Key, tuple[int, int]] = {}
    for name, ttl, passed, is_put in steps:
        clock.now += passed
        key: Key = (name, "A")
        if is_put:
            cache.put(key, answer(ttl=ttl))
            model[key] = (clock.now, ttl)
        kept = cache.get(key)
        since, whole = model.get(key, (0, 0))
        left = since + whole - clock.now
        if left <= 0:
            assert kept is None
        else:
            assert kept == answer(ttl=left)
