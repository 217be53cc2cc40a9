"""Packets: cut anywhere they are the same; what is none is told before it is read."""

import pytest
from hypothesis import given, strategies as st

from postroom.protocol.milter.packets import MAX_PACKET, Malformed, Packets, pack, strings


@given(
    st.lists(st.tuples(st.binary(min_size=1, max_size=1), st.binary(max_size=300))),
    st.integers(1, 50),
)
def test_however_they_come(packets: list[tuple[bytes, bytes]], size: int) -> None:
    octets = b"".join([pack(*one) for one in packets])
    reading, found = Packets(), []
    for at in range(0, len(octets), size):
        reading.feed(octets[at : at + size])
        while (packet := reading.take()) is not None:
            found.append(packet)
    assert found == packets
    assert len(reading) == 0


@pytest.mark.parametrize("size", [0, MAX_PACKET + 1, (1 << 32) - 1])
def test_sizes_that_none_has(size: int) -> None:
    reading = Packets()
    reading.feed(size.to_bytes(4, "big"))
    with pytest.raises(Malformed, match=f"a packet of {size} octets"):
        reading.take()


def test_nothing_stands_behind_a_nul() -> None:
    assert strings(b"a", b"", b"b\0c") == b"a\0\0b\0"
