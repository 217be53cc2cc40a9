"""What was read lately is kept within its bounds."""

from postroom.blobs.recent import LARGEST, OVERHEAD, Recent, of_frames, of_wholes

WHOLE = (b"A: b\r\n\r\n", b"x" * 692)
COST = 700 + OVERHEAD


def test_what_was_put_is_found_until_it_is_dropped() -> None:
    recent = of_wholes()
    recent.put({1: WHOLE, 2: (b"", b"")})
    recent.put({1: WHOLE})
    assert recent.octets == COST + OVERHEAD
    assert recent.get([3, 2, 1]) == {1: WHOLE, 2: (b"", b"")}
    recent.drop({1, 3}.__contains__)
    assert recent.get([1, 2]) == {2: (b"", b"")}
    assert recent.octets == OVERHEAD


def test_the_longest_unused_goes_first() -> None:
    recent = Recent[int, tuple[bytes, bytes]](
        lambda whole: len(whole[0]) + len(whole[1]), limit=3 * COST
    )
    recent.put({1: WHOLE, 2: WHOLE, 3: WHOLE})
    recent.get([1])
    recent.put({4: WHOLE})
    assert sorted(recent.get(range(10))) == [1, 3, 4]
    recent.put(dict.fromkeys(range(10, 90), WHOLE))
    assert sorted(recent.get(range(90))) == [87, 88, 89]
    assert recent.octets == 3 * COST


def test_a_large_one_is_not_kept() -> None:
    recent = of_wholes()
    recent.put({1: (b"", b"x" * LARGEST), 2: WHOLE})
    assert list(recent.get([1, 2])) == [2]


def test_frames_of_a_blob_go_with_it() -> None:
    recent = of_frames(1000)
    recent.put({(1, 0): b"x" * 1000, (1, 1): b"y", (2, 0): b"x" * 1001, (3, 0): b"z"})
    assert recent.get([(1, 0), (1, 1), (2, 0)]) == {(1, 0): b"x" * 1000, (1, 1): b"y"}
    recent.drop(lambda place: place[0] == 1)
    assert recent.get([(1, 0), (1, 1), (3, 0)]) == {(3, 0): b"z"}
    assert recent.octets == 1 + OVERHEAD
