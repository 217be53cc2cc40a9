import itertools

import pytest
from hypothesis import given, strategies as st

from postroom.protocol.lines import BareNewline, Lines, LineTooLong

LIMIT = 12
OCTETS = st.lists(
    st.sampled_from([b"\r\n", b"\r", b"\n", b"a", b"bcd", b"0123456789", b"\0", b"\xff"])
).map(b"".join)
GOOD = st.binary(max_size=LIMIT - 2).filter(lambda line: b"\r" not in line and b"\n" not in line)

Outcome = tuple[list[bytes], str]


def holding(octets: bytes) -> Lines:
    lines = Lines()
    lines.feed(octets)
    return lines


def read(lines: Lines, limit: int = LIMIT) -> Outcome:
    """All complete lines, and why there are no more."""
    found: list[bytes] = []
    while True:
        try:
            line = lines.next_line(limit)
        except BareNewline:
            return found, "bare"
        except LineTooLong:
            return found, "long"
        if line is None:
            return found, "more"
        found.append(line)


def reference(octets: bytes, limit: int = LIMIT) -> Outcome:
    """The same, octet by octet."""
    found: list[bytes] = []
    start = 0
    for at, octet in enumerate(octets):
        if at - start >= limit:
            return found, "long"
        if octet != 0x0A:
            continue
        line = octets[start:at]
        if not line.endswith(b"\r") or b"\r" in line[:-1]:
            return found, "bare"
        found.append(line[:-1])
        start = at + 1
    return found, "long" if len(octets) - start >= limit else "more"


def test_lines_come_without_their_crlf_and_in_order() -> None:
    assert read(holding(b"NOOP\r\n\r\nQUIT\r\nHE")) == ([b"NOOP", b"", b"QUIT"], "more")


def test_a_line_comes_when_it_is_complete() -> None:
    lines = Lines()
    for octet in b"NOOP\r":
        lines.feed(bytes([octet]))
        assert lines.next_line(LIMIT) is None
    lines.feed(b"\n")
    assert lines.next_line(LIMIT) == b"NOOP"
    assert lines.next_line(LIMIT) is None
    assert len(lines) == 0


@pytest.mark.parametrize(
    "octets", [b"\n", b"NOOP\n", b"NOOP\nQUIT\r\n", b"NO\rOP\r\n", b"NOOP\r\r\n", b"\r\r\n"]
)
def test_a_bare_cr_or_lf_is_a_fault_and_nothing_is_repaired(octets: bytes) -> None:
    lines = holding(octets)
    for _ in range(2):
        with pytest.raises(BareNewline):
            lines.next_line(LIMIT)
    assert lines.take_all() == octets


def test_the_limit_counts_the_crlf() -> None:
    assert holding(b"a" * (LIMIT - 2) + b"\r\n").next_line(LIMIT) == b"a" * (LIMIT - 2)
    with pytest.raises(LineTooLong):
        holding(b"a" * (LIMIT - 1) + b"\r\n").next_line(LIMIT)


def test_a_line_is_too_long_before_its_end_is_seen() -> None:
    lines = holding(b"a" * (LIMIT - 1))
    assert lines.next_line(LIMIT) is None
    lines.feed(b"a")
    with pytest.raises(LineTooLong):
        lines.next_line(LIMIT)


def test_the_limit_may_change_from_line_to_line() -> None:
    lines = holding(b"a" * 40)
    assert lines.next_line(100) is None
    with pytest.raises(LineTooLong):
        lines.next_line(LIMIT)
    lines.feed(b"\r\n")
    assert lines.next_line(100) == b"a" * 40


def test_a_long_line_is_dropped_and_the_next_one_read() -> None:
    lines = holding(b"a" * 20 + b"\r\nNOOP\r\n")
    with pytest.raises(LineTooLong):
        lines.next_line(LIMIT)
    lines.discard_line()
    assert read(lines) == ([b"NOOP"], "more")


@pytest.mark.parametrize("width", [1, 2, 3, 7, 1000])
def test_a_long_line_is_dropped_as_it_comes_and_takes_no_memory(width: int) -> None:
    lines = holding(b"a" * LIMIT)
    lines.discard_line()
    rest = b"b" * 500 + b"\r\r" + b"c" * 500 + b"\n" + b"d" * 100 + b"\r\nNOOP\r\n"
    for at in range(0, len(rest), width):
        lines.feed(rest[at : at + width])
        assert len(lines) <= len(b"NOOP\r\n")
    assert read(lines) == ([b"NOOP"], "more")


def test_nothing_is_read_from_a_line_that_is_being_dropped() -> None:
    lines = holding(b"a" * LIMIT)
    lines.discard_line()
    lines.feed(b"a\r")
    assert lines.next_line(LIMIT) is None
    lines.feed(b"\nb\r\n")
    assert lines.next_line(LIMIT) == b"b"


def test_starts_with_is_blind_to_case() -> None:
    assert holding(b"bDaT 5\r\n").starts_with(b"BDAT")
    assert not holding(b"BDA").starts_with(b"BDAT")
    assert not holding(b" BDAT").starts_with(b"BDAT")


def test_blocks_leave_the_lines_after_them_alone() -> None:
    lines = holding(b"ab\ncd\r\nNOOP\r\n")
    assert lines.take(3) == b"ab\n"
    assert lines.take(0) == b""
    assert read(lines) == ([b"cd", b"NOOP"], "more")
    lines.feed(b"xy")
    assert lines.take(100) == b"xy"
    assert lines.take(1) == lines.take_all() == b""


def test_octets_taken_from_the_front_do_not_hide_a_line() -> None:
    lines = holding(b"12345678")
    assert lines.next_line(LIMIT) is None  # all eight were looked at
    assert lines.take(6) == b"123456"
    lines.feed(b"\r\n")
    assert lines.next_line(LIMIT) == b"78"


def test_what_is_put_back_is_read_first() -> None:
    lines = holding(b"IT\r\n")
    assert lines.next_line(100) == b"IT"
    lines.feed(b"OP\r\nQUIT")
    assert lines.next_line(4) == b"OP"
    assert lines.next_line(100) is None
    lines.put_back(b"NOOP\r\n")
    assert read(lines) == ([b"NOOP"], "more")
    assert lines.take_all() == b"QUIT"


@given(OCTETS, st.lists(st.integers(0, 60)))
def test_every_cut_gives_what_a_simple_reader_gives(octets: bytes, places: list[int]) -> None:
    lines = Lines()
    found: list[bytes] = []
    outcome = "more"
    edges = [0, *sorted(place % (len(octets) + 1) for place in places), len(octets)]
    for start, end in itertools.pairwise(edges):
        lines.feed(octets[start:end])
        if outcome == "more":
            more, outcome = read(lines)
            found += more
    assert (found, outcome) == reference(octets)


@given(st.lists(GOOD))
def test_every_good_line_comes_through_as_it_is(good: list[bytes]) -> None:
    assert read(holding(b"".join(line + b"\r\n" for line in good))) == (good, "more")


@given(OCTETS, GOOD, st.integers(1, 9))
def test_dropping_ends_at_the_first_crlf(octets: bytes, line: bytes, width: int) -> None:
    whole = octets + b"\r\n" + line + b"\r\n"
    lines = Lines()
    lines.discard_line()
    for at in range(0, len(whole), width):
        lines.feed(whole[at : at + width])
    assert lines.take_all() == whole.partition(b"\r\n")[2]
