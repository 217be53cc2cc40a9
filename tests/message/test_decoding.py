"""A decoded body that is entered anywhere."""

import base64
import random

import pytest
from hypothesis import given, strategies as st

from postroom.message.content import transferred
from postroom.message.decoding import Decoding

BODY = random.Random(1).randbytes(5000)
ENCODED = {
    "base64": base64.encodebytes(BODY).replace(b"\n", b"\r\n"),
    "quoted-printable": b"".join([b"=%02X" % octet for octet in BODY]).replace(b"=41", b"=\r\nA"),
    "7bit": BODY,
}


def read(decoding: Decoding, encoded: bytes, start: int, length: int, block: int) -> bytes:
    """As a reader does it: from the nearest place, remembering where the next may begin."""
    place = decoding.enter(start)
    found = b""
    while place.read < len(encoded):
        octets = encoded[place.read : place.read + block]
        before = place.copied()
        piece = place.feed(octets, is_last=place.read + len(octets) == len(encoded))
        found += piece[max(0, start - before.decoded) : start + length - before.decoded]
        decoding.remember(before)
        if place.decoded >= start + length:
            break
    return found


@pytest.mark.parametrize("encoding", list(ENCODED))
@given(
    wanted=st.lists(st.tuples(st.integers(0, 5100), st.integers(1, 3000)), max_size=6),
    block=st.integers(1, 2000),
)
def test_any_pieces_in_any_order(encoding: str, wanted: list[tuple[int, int]], block: int) -> None:
    encoded = ENCODED[encoding]
    whole = transferred(encoding, encoded)
    assert whole == BODY
    decoding = Decoding(encoding)
    for start, length in wanted:
        assert read(decoding, encoded, start, length, block) == whole[start : start + length]


def test_who_reads_on_does_not_begin_again() -> None:
    encoded = ENCODED["base64"]
    decoding = Decoding("base64")
    read(decoding, encoded, 0, 2000, 500)
    assert 1500 < decoding.enter(2000).decoded <= 2000
    assert decoding.enter(1000).decoded == 0
