import itertools

from hypothesis import given, strategies as st

from postroom.protocol.dots import Stuffer, Top

PIECES = st.lists(st.sampled_from([b".", b"\r\n", b"a", b"..", b"\r\n.", b"b.c"]))


def cuts(whole: bytes, places: list[int]) -> list[bytes]:
    edges = sorted({0, len(whole), *(place % (len(whole) + 1) for place in places)})
    return [whole[a:b] for a, b in itertools.pairwise(edges)]


def stuffed(blocks: list[bytes]) -> bytes:
    stuffer = Stuffer()
    return b"".join(map(stuffer.feed, blocks)) + stuffer.finish()


def unstuffed(wire: bytes) -> bytes:
    """A reader as simple as RFC 1939 §3 words it."""
    lines = wire.split(b"\r\n")
    assert lines[-2:] == [b".", b""]
    assert b"." not in lines[:-2]
    return b"".join(line.removeprefix(b".") + b"\r\n" for line in lines[:-2])


@given(PIECES, st.lists(st.integers(0, 1000)))
def test_what_a_reader_unstuffs_is_what_went_in(pieces: list[bytes], places: list[int]) -> None:
    whole = b"".join(pieces)
    expected = whole if not whole or whole.endswith(b"\r\n") else whole + b"\r\n"
    assert unstuffed(stuffed(cuts(whole, places))) == expected


def test_every_cut_gives_the_same_octets() -> None:
    whole = b".a\r\n..\r\n.\r\nb.\r\n"
    for at in range(len(whole) + 1):
        assert stuffed([whole[:at], whole[at:]]) == b"..a\r\n...\r\n..\r\nb.\r\n.\r\n"


def top(whole: bytes, lines: int, places: list[int]) -> bytes:
    cutter = Top(lines)
    return b"".join(map(cutter.feed, cuts(whole, places)))


@given(st.integers(0, 6), st.lists(st.integers(0, 1000)))
def test_top_is_the_header_and_so_many_lines(lines: int, places: list[int]) -> None:
    head = b"A: 1\r\nB: 2\r\n\r\n"
    body = [b"one\r\n", b"\r\n", b"three\r\n", b"four"]
    assert top(head + b"".join(body), lines, places) == head + b"".join(body[:lines])


def test_top_is_done_as_soon_as_it_is_complete() -> None:
    cutter = Top(1)
    assert cutter.feed(b"A: 1\r\n\r\nx\r\ny\r\n") == b"A: 1\r\n\r\nx\r\n"
    assert cutter.done
    assert cutter.feed(b"z\r\n") == b""
