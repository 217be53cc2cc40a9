"""Frames: what goes in comes out, or nothing."""

import random

import pytest
from hypothesis import given, strategies

from postroom.blobs.zstd import pack, unpack, unpack_all


@given(strategies.binary(max_size=3000))
def test_round_trip(octets: bytes) -> None:
    assert unpack(pack(octets), len(octets)) == octets


@given(strategies.binary(max_size=300), strategies.integers(0, 600))
def test_another_length_is_refused(octets: bytes, size: int) -> None:
    if size != len(octets):
        with pytest.raises(ValueError):
            unpack(pack(octets), size)


def test_every_flipped_bit_is_found_or_harmless() -> None:
    octets = b"From: alice@example.org\r\nSubject: lunch, lunch, lunch\r\n\r\n" * 3
    packed = pack(octets)
    found = 0
    for at in range(len(packed)):
        for bit in range(8):
            bad = bytearray(packed)
            bad[at] ^= 1 << bit
            try:
                assert unpack(bytes(bad), len(octets)) == octets
            except ValueError:
                found += 1
    assert found >= len(packed) * 8 - 8


@pytest.mark.parametrize("cut", [0, 1, 5, -1])
def test_cut_and_lengthened_frames_are_refused(cut: int) -> None:
    packed = pack(b"octets" * 100)
    with pytest.raises(ValueError):
        unpack(packed[:cut], 600)
    with pytest.raises(ValueError):
        unpack(packed + b"\0", 600)
    with pytest.raises(ValueError):
        unpack(packed + packed, 600)


@pytest.mark.parametrize("size", [0, None])
def test_an_empty_frame_holds_nothing_else(size: int | None) -> None:
    packed = pack(b"")
    assert unpack(packed, size) == b""
    for bad in (packed + b"\0", packed[:-1], packed[:-1] + b"\0"):
        with pytest.raises(ValueError):
            unpack(bad, size)


def test_a_frame_that_was_refused_spoils_no_other() -> None:
    packed = pack(b"octets" * 100)
    with pytest.raises(ValueError):
        unpack(packed[:-1])
    assert unpack(packed) == b"octets" * 100


def test_a_bomb_is_not_unpacked() -> None:
    with pytest.raises(ValueError):
        unpack(pack(bytes(1 << 20)), 1000)


@given(strategies.integers(0, 2**32))
def test_garbage_is_refused(seed: int) -> None:
    octets = random.Random(seed).randbytes(200)
    with pytest.raises(ValueError):
        unpack(octets, 200)


@given(strategies.lists(strategies.binary(min_size=1, max_size=3000), max_size=9))
def test_many_are_what_they_are_one_by_one(texts: list[bytes]) -> None:
    frames = [pack(text) for text in texts]
    assert unpack_all(frames, [len(text) for text in texts]) == texts


@given(strategies.integers(0, 2), strategies.sampled_from([1, 599, 601, 1 << 62]))
def test_of_many_none_may_have_another_length(number: int, size: int) -> None:
    sizes = [600, 600, 600]
    sizes[number] = size
    with pytest.raises(ValueError):
        unpack_all([pack(b"octets" * 100)] * 3, sizes)


@given(strategies.integers(0, 2), strategies.data())
def test_of_many_every_flipped_bit_is_found_or_harmless(
    number: int, data: strategies.DataObject
) -> None:
    texts = [b"From: alice@example.org\r\n", b"Subject: lunch\r\n" * 9, b"octets" * 100]
    frames = [pack(text) for text in texts]
    bad = bytearray(frames[number])
    bad[data.draw(strategies.integers(0, len(bad) - 1))] ^= 1 << data.draw(
        strategies.integers(0, 7)
    )
    frames[number] = bytes(bad)
    try:
        assert unpack_all(frames, [len(text) for text in texts]) == texts
    except ValueError:
        assert unpack_all([pack(text) for text in texts], [len(text) for text in texts]) == texts


@pytest.mark.parametrize("cut", [0, 1, 5, -5, -4, -1])
def test_of_many_cut_ones_are_refused(cut: int) -> None:
    packed = pack(b"octets" * 100)
    with pytest.raises(ValueError):
        unpack_all([packed, packed[:cut], packed], [600] * 3)


@pytest.mark.parametrize("more", [b"\0", pack(b"octets")])
def test_of_many_what_stands_behind_a_frame_changes_nothing(more: bytes) -> None:
    packed = pack(b"octets" * 100)
    assert unpack_all([packed, packed + more, packed], [600] * 3) == [b"octets" * 100] * 3
