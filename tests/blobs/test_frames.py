"""The table of a large body."""

import pytest
from hypothesis import given, strategies

from postroom.blobs import frames


def table(sizes: list[int]) -> list[frames.Frame]:
    made, offset = [], 0
    for number, size in enumerate(sizes):
        made.append(frames.Frame(offset, number * 3 + 1, size, number * 7))
        offset += number * 3 + 1
    return made


@given(whole=strategies.integers(0, 20), last=strategies.integers(0, frames.FRAME))
def test_the_table_is_read_back(whole: int, last: int) -> None:
    made = table([frames.FRAME] * whole + [last])
    assert frames.from_octets(frames.to_octets(made), whole * frames.FRAME + last) == made


@pytest.mark.parametrize(
    ("octets", "size"),
    [
        (None, 5),
        (b"", 5),
        (frames.to_octets(table([5]))[:-1], 5),
        (frames.to_octets(table([5])), 6),
        (frames.to_octets(table([5, frames.FRAME])), 5 + frames.FRAME),
    ],
)
def test_a_table_that_does_not_fit_is_refused(octets: bytes | None, size: int) -> None:
    with pytest.raises(ValueError):
        frames.from_octets(octets, size)


def test_a_frame_is_checked_before_it_is_unpacked() -> None:
    packed, frame = frames.make(b"octets" * 1000, 0)
    assert frames.read(packed, frame) == b"octets" * 1000
    for at in range(len(packed)):
        bad = bytearray(packed)
        bad[at] ^= 0x10
        with pytest.raises(ValueError, match="checksum"):
            frames.read(bytes(bad), frame)
    for wrong in (packed[:-1], packed + b"\0", b""):
        with pytest.raises(ValueError, match="stored octets"):
            frames.read(wrong, frame)
    with pytest.raises(ValueError):
        frames.read(packed, frame._replace(size=frame.size + 1))
