"""Frames: what goes in comes out, or nothing."""

import random

import pytest
from hypothesis import given, strategies

from postroom.blobs.zstd import pack, unpack


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
