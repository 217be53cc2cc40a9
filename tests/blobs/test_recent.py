"""What was read lately is kept within its bounds."""

from postroom.blobs.recent import LARGEST, OVERHEAD, Recent

WHOLE = (b"A: b\r\n\r\n", b"x" * 692)
COST = 700 + OVERHEAD


def test_what_was_put_is_found_until_it_is_dropped() -> None:
    recent = Recent()
    recent.put({1: WHOLE, 2: (b"", b"")})
    recent.put({1: WHOLE})
    assert recent.octets == COST + OVERHEAD
    assert recent.get([3, 2, 1]) == {1: WHOLE, 2: (b"", b"")}
    recent.drop([1, 3])
    assert recent.get([1, 2]) == {2: (b"", b"")}
    assert recent.octets == OVERHEAD


def test_the_longest_unused_goes_first() -> None:
    recent = Recent(limit=3 * COST)
    recent.put({1: WHOLE, 2: WHOLE, 3: WHOLE})
    recent.get([1])
    recent.put({4: WHOLE})
    assert sorted(recent.get(range(10))) == [1, 3, 4]
    recent.put(dict.fromkeys(range(10, 90), WHOLE))
    assert sorted(recent.get(range(90))) == [87, 88, 89]
    assert recent.octets == 3 * COST


def test_a_large_one_is_not_kept() -> None:
    recent = Recent()
    recent.put({1: (b"", b"x" * LARGEST), 2: WHOLE})
    assert list(recent.get([1, 2])) == [2]
