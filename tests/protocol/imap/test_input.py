"""The input buffer."""

import pytest

from postroom.protocol.imap.input import LINE_LIMIT, BareNewline, Input, LiteralHead, TooLong


def feed(octets: bytes) -> Input:
    held = Input()
    held.feed(octets)
    return held


def test_commands_come_one_by_one() -> None:
    held = feed(b"a NOOP\r\nb NO")
    assert held.command(100) == b"a NOOP"
    assert held.command(100) is None
    held.feed(b"OP\r")
    assert held.command(100) is None
    held.feed(b"\n")
    assert held.command(100) == b"b NOOP"
    assert len(held) == 0


def test_a_literal_is_part_of_its_command() -> None:
    held = feed(b"a LOGIN {3}\r\n")
    assert held.command(100) == LiteralHead(b"a LOGIN {3}\r\n", 3, True)
    held.expect_literal(3)
    assert held.command(100) is None
    held.feed(b"\r\n")
    assert held.command(100) is None
    held.feed(b"} {2+}\r\nab")
    head = held.command(100)
    assert head == LiteralHead(b"a LOGIN {3}\r\n\r\n} {2+}\r\n", 2, False)
    held.expect_literal(2)
    held.feed(b"\r\n")
    assert held.command(100) == b"a LOGIN {3}\r\n\r\n} {2+}\r\nab"
    assert held.literals == 0


def test_what_comes_next_can_be_looked_at() -> None:
    held = feed(b"a NOOP\r\nb NO")
    assert held.peek(100) == b"a NOOP\r\nb NO"
    assert held.peek(3) == b"a N"
    held.skip(8)
    assert held.peek(100) == b"b NO"
    assert held.command(100) is None
    assert held.peek(100) == b""
    held.feed(b"OP\r\n")
    assert held.command(100) == b"b NOOP"
    assert held.peek(100) == b""


def test_a_line_behind_a_literal_is_not_looked_at() -> None:
    held = feed(b"a X {1}\r\nb Y\r\n")
    assert isinstance(held.command(100), LiteralHead)
    held.expect_literal(1)
    assert held.peek(100) == b""


def test_text_in_a_literal_is_no_head() -> None:
    held = feed(b"a X {5}\r\n{9}\r\n\r\nb Y\r\n")
    assert isinstance(held.command(100), LiteralHead)
    held.expect_literal(5)
    assert held.command(100) == b"a X {5}\r\n{9}\r\n"
    assert held.command(100) == b"b Y"


def test_drop() -> None:
    held = feed(b"a X {5}\r\nb Y\r\n")
    assert isinstance(held.command(100), LiteralHead)
    held.drop()
    assert held.command(100) == b"b Y"


@pytest.mark.parametrize("line", [b"a X }", b"a X {}", b"a X {x}", b"a X {-1}", b"a X {1++}", b"}"])
def test_no_head(line: bytes) -> None:
    assert feed(line + b"\r\n").command(100) == line


def test_a_number_of_any_length_is_a_size() -> None:
    head = feed(b"a {" + b"9" * 5000 + b"}\r\n").command(10_000)
    assert isinstance(head, LiteralHead)
    assert head.size == 10**20


def test_limits() -> None:
    assert feed(b"x" * 98 + b"\r\n").command(100) == b"x" * 98
    for octets in (b"x" * 99 + b"\r\n", b"x" * 101):
        with pytest.raises(TooLong):
            feed(octets).command(100)
    with pytest.raises(TooLong):
        feed(b"x" * (LINE_LIMIT + 1)).command(10**6)
    with pytest.raises(TooLong):
        feed(b"x" * 11).line(10)


@pytest.mark.parametrize("line", [b"\n", b"a NOOP\n", b"\r\r\n"[:1] + b"x\n"])
def test_a_bare_newline_takes_its_line_out(line: bytes) -> None:
    held = feed(line + b"b NOOP\r\n")
    with pytest.raises(BareNewline) as caught:
        held.command(100)
    assert caught.value.line == line
    assert held.command(100) == b"b NOOP"


def test_the_newline_of_a_literal_ends_no_line() -> None:
    held = feed(b"a X {1}\r\n\r\nb Y\r\n")
    assert isinstance(held.command(100), LiteralHead)
    held.expect_literal(1)  # the CR is the literal; LF alone follows
    with pytest.raises(BareNewline):
        held.command(100)


def test_lines_and_blocks() -> None:
    held = feed(b"abcDONE\r\nx")
    assert held.block(3) == b"abc"
    assert held.line(100) == b"DONE"
    assert held.line(100) is None
    assert held.block(9) == b"x"
    assert held.block(9) == b""
