from hypothesis import given, strategies as st

from postroom.protocol.pop3 import client
from postroom.protocol.pop3.client import Content


@given(st.lists(st.integers(1, 9), max_size=30))
def test_dots_are_taken_away_in_any_cut(cuts: list[int]) -> None:
    wire = b"A: 1\r\n\r\n..dot\r\n..\r\n.x\r\nend\r\n.\r\n+OK next\r\n"
    content = Content()
    out, at = b"", 0
    for cut in [*cuts, len(wire)]:
        if not content.is_done:
            out += content.feed(wire[at : at + cut])
            at += cut
    assert content.is_done
    assert out == b"A: 1\r\n\r\n.dot\r\n.\r\nx\r\nend\r\n"
    assert content.rest + wire[at:] == b"+OK next\r\n"


def test_lines_of_any_length_are_not_held() -> None:
    content = Content()
    line = b"." + b"x" * 1_000_000
    out = b""
    for at in range(0, len(line), 50_000):
        out += content.feed(line[at : at + 50_000])
        assert len(content._held) <= client._MOST_HELD + 1
    out += content.feed(b".\r\n.\r\n")
    assert out == line[1:] + b".\r\n"
    assert content.is_done
