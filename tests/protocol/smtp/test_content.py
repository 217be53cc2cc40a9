"""The readers of content against readers as simple as the RFCs word them."""

import itertools

import pytest
from hypothesis import given, strategies as st

from postroom.protocol.smtp.content import ChunkReader, DotReader, Flaw, Flaws

EVIL = b"MAIL FROM:<evil@x>\r\nRCPT TO:<v@y>\r\nDATA\r\nSubject: smuggled\r\n\r\nhi\r\n"
FALSE_ENDS = [  # threats: what some server somewhere took for CR LF . CR LF
    b"\n.\n",
    b"\n.\r",
    b"\r.\n",
    b"\r.\r",
    b"\n.\r\n",
    b"\r.\r\n",
    b"\r\n\0.\r\n",
    b"\r\n.\n",
    b"\r\n.\r",
    b"\r\n.\r\r\n",
    b"\r\r\n.\r\r\n",
    b"\n.\r\r\n",
    b"\r\n.\0\r\n",
    b"\r\n.\r\0\n",
]
STRANGE_SPACE = [b"\x0b.\x0b", b"\x85.\x85", "\u2028.\u2028".encode()]
PIECES = st.lists(
    st.sampled_from([b"\r\n", b"\r", b"\n", b".", b"\0", b"a", b"bc", b"\r\n.\r\n", b"\xff"])
).map(b"".join)
PLACES = st.lists(st.integers(0, 100))


def cuts(whole: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(whole) + 1) for place in places), len(whole)]
    return [whole[a:b] for a, b in itertools.pairwise(edges)]


def flaw_of(octets: bytes) -> Flaw | None:
    if b"\0" in octets:
        return "nul"
    return "bare-newline" if set(b"".join(octets.split(b"\r\n"))) & {0x0A, 0x0D} else None


def dotted(blocks: list[bytes]) -> tuple[bytes, bytes, DotReader]:
    """(content, what follows the end, the reader)."""
    reader = DotReader()
    content = b""
    rest = b""
    for block in blocks:
        if reader.is_complete:
            rest += block
        else:
            content += reader.feed(block)
            rest = reader.rest
    return content, rest, reader


def reference(wire: bytes) -> tuple[bytes, bytes] | None:
    """RFC 5321 §4.5.2, line by line; None: no line holds just a dot."""
    lines = wire.split(b"\r\n")
    if b"." not in lines[:-1]:
        return None
    end = lines.index(b".")
    content = b"".join(line.removeprefix(b".") + b"\r\n" for line in lines[:end])
    return content, b"\r\n".join(lines[end + 1 :])


@pytest.mark.parametrize(
    ("wire", "content", "rest"),
    [
        (b".\r\n", b"", b""),
        (b".\r\nQUIT\r\n", b"", b"QUIT\r\n"),
        (b"\r\n.\r\n", b"\r\n", b""),
        (b"a\r\n.\r\n", b"a\r\n", b""),
        (b"..\r\n.\r\n", b".\r\n", b""),
        (b"...\r\n..\r\n.b\r\n.\r\n", b"..\r\n.\r\nb\r\n", b""),
        (b"a.\r\n.\r\n.\r\n", b"a.\r\n", b".\r\n"),
        (b"a\r\n.\r\n" * 2, b"a\r\n", b"a\r\n.\r\n"),
    ],
)
def test_a_dot_alone_ends_and_other_dots_are_unstuffed(
    wire: bytes, content: bytes, rest: bytes
) -> None:
    for width in range(1, len(wire) + 1):
        blocks = [wire[at : at + width] for at in range(0, len(wire), width)]
        assert dotted(blocks)[:2] == (content, rest)


@pytest.mark.parametrize("wire", [b"", b".", b".\r", b"a", b"a\r\n.", b"a\r\n.\r", b"..\r\n"])
def test_without_its_end_a_message_is_not_complete(wire: bytes) -> None:
    *_, reader = dotted([wire])
    assert not reader.is_complete
    assert reader.rest == b""


@pytest.mark.parametrize("end", FALSE_ENDS)
def test_a_false_end_is_content_at_every_split_and_a_flaw(end: bytes) -> None:
    wire = b"hi" + end + EVIL + b".\r\nQUIT\r\n"
    splits = [[wire[:at], wire[at:]] for at in range(len(wire) + 1)]
    for blocks in [*splits, [bytes([octet]) for octet in wire]]:
        content, rest, reader = dotted(blocks)
        assert reader.is_complete
        assert rest == b"QUIT\r\n"
        assert content.endswith(EVIL)
        assert reader.flaw == ("nul" if b"\0" in end else "bare-newline")


@pytest.mark.parametrize("end", STRANGE_SPACE)
def test_only_ascii_cr_lf_are_line_ends(end: bytes) -> None:
    wire = b"hi" + end + EVIL + b".\r\nQUIT\r\n"
    for at in range(len(wire) + 1):
        content, rest, reader = dotted([wire[:at], wire[at:]])
        assert (content, rest) == (b"hi" + end + EVIL, b"QUIT\r\n")
        assert reader.flaw is None


def test_all_seventeen_ends_of_the_threat_table_are_here() -> None:
    assert len({*FALSE_ENDS, *STRANGE_SPACE}) == 17


def test_a_flaw_after_the_end_is_no_flaw_of_the_message() -> None:
    _, rest, reader = dotted([b"a\r\n.\r\n\0\n\r"])
    assert rest == b"\0\n\r"
    assert reader.flaw is None


def test_what_is_certain_comes_at_once() -> None:
    """A sender that pauses must not make us hold its message."""
    reader = DotReader()
    assert reader.feed(b"abc") == b"abc"
    assert reader.feed(b"def\r\n") == b"def"
    assert reader.feed(b"ghi") == b"\r\nghi"


@given(PIECES, PLACES)
def test_every_cut_of_data_gives_what_a_simple_reader_gives(wire: bytes, places: list[int]) -> None:
    content, rest, reader = dotted(cuts(wire, places))
    expected = reference(wire)
    assert reader.is_complete == (expected is not None)
    if expected is not None:
        assert (content, rest) == expected
        assert reader.flaw == flaw_of(wire[: len(wire) - len(rest)])


@given(PIECES, PLACES)
def test_what_was_stuffed_comes_back(text: bytes, places: list[int]) -> None:
    text += b"\r\n"
    stuffed = b"".join(
        (b"." + line if line.startswith(b".") else line) + b"\r\n"
        for line in text[:-2].split(b"\r\n")
    )
    assert dotted(cuts(stuffed + b".\r\nNEXT", places))[:2] == (text, b"NEXT")


def chunked(blocks: list[bytes]) -> tuple[bytes, ChunkReader]:
    reader = ChunkReader()
    return b"".join(map(reader.feed, blocks)) + reader.finish(), reader


def test_dots_mean_nothing_in_chunks() -> None:
    wire = b".\r\n..\r\n\r\n.\r\nmore\r\n"
    content, reader = chunked([wire])
    assert content == wire
    assert reader.flaw is None


def test_a_crlf_may_be_cut_by_chunks() -> None:
    content, reader = chunked([b"a\r", b"\nb\r", b"", b"\n"])
    assert content == b"a\r\nb\r\n"
    assert reader.flaw is None


def test_a_cr_at_the_very_end_is_bare() -> None:
    content, reader = chunked([b"a\r\n", b"b\r"])
    assert content == b"a\r\nb\r"
    assert reader.flaw == "bare-newline"


@given(PIECES, PLACES)
def test_every_cut_of_chunks_gives_the_same_octets_and_flaw(wire: bytes, places: list[int]) -> None:
    content, reader = chunked(cuts(wire, places))
    assert content == wire
    assert reader.flaw == flaw_of(wire)


@pytest.mark.parametrize(
    ("blocks", "worst"),
    [
        ([b""], None),
        ([b"a\r\nb", b"\xff\t\x0b"], None),
        ([b"a\nb"], "bare-newline"),
        ([b"a\rb"], "bare-newline"),
        ([b"\n\r"], "bare-newline"),
        ([b"a\r\n\nb\r"], "bare-newline"),
        ([b"a\0b"], "nul"),
        ([b"a\nb", b"\0", b"c"], "nul"),
        ([b"\0", b"\n"], "nul"),
    ],
)
def test_the_worst_flaw_is_told(blocks: list[bytes], worst: Flaw | None) -> None:
    flaws = Flaws()
    for block in blocks:
        flaws.look(block)
    assert flaws.worst == worst
