import itertools

import pytest
from hypothesis import given, strategies as st

from postroom.protocol.lines import Lines
from postroom.protocol.smtp.incoming import Chunks, Dots

TEXT = b"Subject: hi\r\n\r\nhello\r\n"


def holding(octets: bytes) -> Lines:
    lines = Lines()
    lines.feed(octets)
    return lines


def is_complete(message: Dots | Chunks) -> bool:
    return message.is_complete  # a call: mypy takes a property for constant


def chunk(chunks: Chunks, octets: bytes, *, is_last: bool = False) -> bytes:
    """One whole chunk, and its content."""
    chunks.expect(len(octets), is_last=is_last)
    return chunks.read(holding(octets))


def test_a_chunk_may_come_from_elsewhere() -> None:
    chunks = Chunks(8)
    chunks.expect(0, is_last=False)
    assert chunks.quote(b"ab\r") == b"ab"
    assert chunks.is_complete
    assert chunks.chunk == 3
    chunks.expect(0, is_last=True)
    assert chunks.quote(b"\ncd") == b"\r\ncd"
    assert chunks.defect is None
    assert chunks.quote(b"xyz") == b""
    assert chunks.defect == "too-big"


def test_data_ends_with_its_dot_and_leaves_what_follows() -> None:
    dots = Dots(0)
    lines = holding(TEXT + b"..\r\n.\r\nQUIT\r\n")
    assert dots.read(lines) == TEXT + b".\r\n"
    assert is_complete(dots)
    assert dots.is_last
    assert dots.defect is None
    assert lines.next_line(512) == b"QUIT"


def test_data_goes_on_until_its_dot() -> None:
    dots = Dots(0)
    lines = holding(TEXT)
    content = dots.read(lines)
    assert not is_complete(dots)
    lines.feed(b".\r\nNOOP\r\n")
    content += dots.read(lines)
    assert is_complete(dots)
    assert content == TEXT
    assert lines.take_all() == b"NOOP\r\n"


def test_the_limit_of_data_counts_content_without_stuffed_dots() -> None:
    dots = Dots(5)
    assert dots.read(holding(b"...\r\n.\r\n")) == b"..\r\n"
    assert dots.defect is None
    exact = Dots(5)
    assert exact.read(holding(b"abc\r\n.\r\n")) == b"abc\r\n"
    assert exact.defect is None


def test_beyond_the_limit_data_is_swallowed_up_to_its_real_end() -> None:
    dots = Dots(10)
    lines = holding(b"")
    told = 0
    for _ in range(50):
        lines.feed(b"0123456\r\n")
        told += len(dots.read(lines))
        assert len(lines) == 0
    assert told <= 10
    assert not is_complete(dots)
    lines.feed(b".\r\nQUIT\r\n")
    assert dots.read(lines) == b""
    assert is_complete(dots)
    assert dots.defect == "too-big"
    assert lines.next_line(512) == b"QUIT"


@pytest.mark.parametrize(
    ("wire", "defect"),
    [(b"a\nb\r\n.\r\n", "bare-newline"), (b"a\0b\r\n.\r\n", "nul"), (b"a\0\n\r\n.\r\n", "nul")],
)
def test_flaws_of_data_are_told(wire: bytes, defect: str) -> None:
    dots = Dots(0)
    dots.read(holding(wire))
    assert dots.defect == defect


def test_too_big_is_worse_than_any_flaw() -> None:
    dots = Dots(3)
    dots.read(holding(b"a\0b\nc\r\n.\r\n"))
    assert dots.defect == "too-big"
    chunks = Chunks(3)
    chunk(chunks, b"a\0b\nc", is_last=True)
    assert chunks.defect == "too-big"


def test_a_chunk_takes_exactly_its_octets() -> None:
    chunks = Chunks(0)
    lines = holding(b"12345BDAT 0 LAST\r\n")
    chunks.expect(5, is_last=False)
    assert not is_complete(chunks)
    assert chunks.chunk == 5
    assert chunks.read(lines) == b"12345"
    assert is_complete(chunks)
    assert not chunks.is_last
    assert lines.next_line(512) == b"BDAT 0 LAST"


def test_a_chunk_that_comes_in_pieces() -> None:
    chunks = Chunks(0)
    chunks.expect(6, is_last=True)
    lines = Lines()
    content = b""
    for octet in b"ab\r\ncd":
        assert not is_complete(chunks)
        lines.feed(bytes([octet]))
        content += chunks.read(lines)
    assert is_complete(chunks)
    assert content == b"ab\r\ncd"
    assert chunks.defect is None


def test_a_last_chunk_without_octets_ends_the_message() -> None:
    chunks = Chunks(0)
    assert chunk(chunks, b"ab\r") == b"ab"
    chunks.expect(0, is_last=True)
    assert is_complete(chunks)
    assert chunks.is_last
    assert chunks.read(holding(b"QUIT\r\n")) == b"\r"
    assert chunks.defect == "bare-newline"


def test_a_crlf_may_be_cut_by_chunks() -> None:
    chunks = Chunks(0)
    content = chunk(chunks, b"a\r") + chunk(chunks, b"\nb\r\n", is_last=True)
    assert content == b"a\r\nb\r\n"
    assert chunks.defect is None


def test_the_limit_of_chunks_counts_all_of_them() -> None:
    exact = Chunks(6)
    assert chunk(exact, b"abc") + chunk(exact, b"def", is_last=True) == b"abcdef"
    assert exact.defect is None
    over = Chunks(5)
    assert chunk(over, b"abc") == b"abc"
    assert chunk(over, b"def", is_last=True) == b""
    assert over.defect == "too-big"


def test_a_huge_chunk_is_swallowed_and_not_kept() -> None:
    chunks = Chunks(10)
    size = (1 << 63) - 1
    chunks.expect(size, is_last=True)
    lines = Lines()
    for _ in range(10):
        lines.feed(b"a" * 1000)
        assert chunks.read(lines) == b""
        assert len(lines) == 0
    assert not is_complete(chunks)
    assert chunks.chunk == size


@given(
    st.lists(
        st.lists(st.sampled_from([b"\r\n", b"\r", b"\n", b".", b"\0", b"abc"])).map(b"".join),
        min_size=1,
    ),
    st.integers(1, 5),
)
def test_chunks_in_any_cut_give_their_octets(parts: list[bytes], width: int) -> None:
    chunks = Chunks(0)
    lines = Lines()
    content = b""
    for number, part in enumerate(parts, 1):
        chunks.expect(len(part), is_last=number == len(parts))
        wire = part + b"NEXT"
        for at in range(0, len(wire), width):
            lines.feed(wire[at : at + width])
            content += chunks.read(lines)
        assert is_complete(chunks)
        assert lines.take_all() == b"NEXT"
    whole = b"".join(parts)
    assert content == whole
    is_bare = any(set(line) & {0x0A, 0x0D} for line in whole.split(b"\r\n"))
    assert chunks.defect == ("nul" if b"\0" in whole else "bare-newline" if is_bare else None)


@given(st.binary(max_size=60).filter(lambda text: b"\r" not in text), st.lists(st.integers(0, 99)))
def test_data_in_any_cut_gives_content_within_the_limit_or_none(
    text: bytes, places: list[int]
) -> None:
    """A naive copy of the rule: over the limit the message is too big, whatever the cut."""
    limit = 30
    wire = text.replace(b".", b"-") + b"\r\n.\r\nNEXT"
    edges = [0, *sorted(place % (len(wire) + 1) for place in places), len(wire)]
    dots = Dots(limit)
    lines = Lines()
    content = b""
    for start, end in itertools.pairwise(edges):
        lines.feed(wire[start:end])
        if not dots.is_complete:
            content += dots.read(lines)
    assert is_complete(dots)
    assert lines.take_all() == b"NEXT"
    assert (dots.defect == "too-big") == (len(text) + 2 > limit)
    assert len(content) <= limit
    if dots.defect != "too-big":
        assert content == text.replace(b".", b"-") + b"\r\n"
