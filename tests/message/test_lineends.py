"""CRLF from whatever comes."""

import itertools
import re

from hypothesis import given, strategies as st

from postroom.message.lineends import LineEnds

OCTETS = st.lists(st.sampled_from([b"\r", b"\n", b"a", b"\r\n", b"bc"])).map(b"".join)


@given(OCTETS, st.lists(st.integers(0, 40)))
def test_cuts_do_not_matter_and_only_crlf_is_left(octets: bytes, cuts: list[int]) -> None:
    ends = LineEnds()
    places = sorted({0, len(octets), *(min(cut, len(octets)) for cut in cuts)})
    out = b"".join(ends.feed(octets[start:end]) for start, end in itertools.pairwise(places))
    out += ends.finish()
    assert out == re.sub(rb"\r\r\n|\r\n|\r|\n", b"\r\n", octets)
    assert ends.has_mended == (out != octets)


def test_a_crlf_that_was_made_twice_is_one() -> None:
    ends = LineEnds()
    assert ends.feed(b"A: b\r\r\nC: d\r\r\n\r\r\nx\r\r\r\n") == b"A: b\r\nC: d\r\n\r\nx\r\n\r\n"
    assert ends.has_mended


def test_nul_is_noticed() -> None:
    ends = LineEnds()
    ends.feed(b"abc")
    assert not ends.has_nul
    ends.feed(b"a\0c")
    ends.feed(b"abc")
    assert ends.has_nul
