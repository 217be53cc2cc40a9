import itertools

import pytest
from hypothesis import given, strategies as st

from postroom.protocol.smtp.client_content import (
    NO_CONTENT,
    Outgoing,
    UnsafeContent,
    dotted,
    whole_lines,
)
from postroom.protocol.smtp.content import DotReader
from tests.protocol.smtp.test_server import FALSE_ENDS

PIECES = st.lists(
    st.sampled_from([b".", b"\r\n", b"\r\n.", b"a", b"\r", b"\n", b"\0", b"\r\n.\r\n", b"\xff"])
).map(b"".join)


def cut(octets: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(octets) + 1) for place in places), len(octets)]
    return [octets[a:b] for a, b in itertools.pairwise(edges)]


def sent(blocks: list[bytes]) -> tuple[bytes, bool]:
    """(what has gone to the wire, whether it was all)."""
    outgoing = Outgoing()
    wire = b""
    try:
        for block in blocks:
            wire += outgoing.feed(block)
        return wire + outgoing.finish(), True
    except UnsafeContent:
        return wire, False


def is_flawed(octets: bytes) -> bool:
    rest = octets.replace(b"\r\n", b"")
    return any(sign in rest for sign in (b"\r", b"\n", b"\0"))


@given(PIECES, st.lists(st.integers(0, 100)))
def test_only_lines_reach_the_wire_and_a_reader_finds_them(whole: bytes, cuts: list[int]) -> None:
    wire, is_all = sent(cut(whole, cuts))
    assert is_all == (not is_flawed(whole))
    assert not is_flawed(wire)
    reader = DotReader()
    read = reader.feed(wire)
    assert reader.is_complete == is_all
    if is_all:
        assert reader.rest == b""
        assert read == (whole if not whole or whole.endswith(b"\r\n") else whole + b"\r\n")


@given(PIECES)
def test_the_whole_at_once_is_the_same(whole: bytes) -> None:
    if is_flawed(whole):
        with pytest.raises(UnsafeContent):
            whole_lines(whole)
    else:
        lines = whole_lines(whole)
        assert not lines or lines.endswith(b"\r\n")
        assert sent([whole]) == (dotted(lines), True)


@pytest.mark.parametrize("false_end", FALSE_ENDS, ids=repr)
def test_no_false_end_goes_out(false_end: bytes) -> None:
    whole = b"Subject: x\r\n\r\nhi" + false_end + b"MAIL FROM:<evil@x.test>\r\n"
    for place in range(len(whole) + 1):
        wire, is_all = sent([whole[:place], whole[place:]])
        assert is_all == (not is_flawed(whole))
        assert b"\r\n.\r\n" not in wire[:-5]
        assert wire.endswith(b"\r\n.\r\n") == is_all


def test_a_cr_waits_for_its_lf() -> None:
    outgoing = Outgoing()
    assert outgoing.feed(b"a\r") == b"a"
    assert outgoing.feed(b"") == b""
    assert outgoing.feed(b"\n.b") == b"\r\n..b"
    assert outgoing.finish() == b"\r\n.\r\n"


@pytest.mark.parametrize("block", [b"\r", b"a\r"])
def test_a_cr_at_the_end_never_leaves(block: bytes) -> None:
    outgoing = Outgoing()
    assert b"\r" not in outgoing.feed(block)
    with pytest.raises(UnsafeContent, match="no line end"):
        outgoing.finish()
    other = Outgoing()
    other.feed(block)
    with pytest.raises(UnsafeContent, match="no line end"):
        other.feed(b"x")


def test_what_is_wrong_is_told() -> None:
    with pytest.raises(UnsafeContent, match="NUL"):
        whole_lines(b"a\0")
    with pytest.raises(UnsafeContent, match="no line end"):
        Outgoing().feed(b"a\n")


def test_nothing() -> None:
    assert sent([]) == (NO_CONTENT, True)
    assert whole_lines(b"") == b""
    assert dotted(b"") == NO_CONTENT
