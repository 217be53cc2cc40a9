import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from postroom.message.headers import MAX_HEADER, split
from postroom.message.part import Part
from postroom.message.scan import MAX_DEPTH, MAX_LINE, MAX_PARTS, Scanner, scan
from postroom.message.structure import bodystructure
from tests.message import letters

MIXED = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"

# Vectors that read a letter otherwise, with the reason.
OTHERWISE = {
    "rfc/008": "a message/rfc822 in base64 is not taken apart",
    "thirdparty/005": "a delimiter stands at the beginning of a line",
    "thirdparty/011": "the line break of an empty part belongs to the delimiter",
    "thirdparty/015": "a delimiter of the outer multipart ends what is inside",
}


def _content(octets: bytes, part: Part) -> bytes:
    return octets[part.body_start : part.end]


def _fed(octets: bytes, cuts: list[int]) -> Part:
    scanner = Scanner()
    at = 0
    for cut in [*sorted(cuts), len(octets)]:
        scanner.feed(octets[at:cut])
        at = max(at, cut)
    return scanner.finish()


def test_a_simple_letter() -> None:
    part = scan(letters.SIMPLE)
    head, body = split(letters.SIMPLE)
    assert (part.header_start, part.body_start, part.end) == (0, len(head), len(head + body))
    assert part.lines == 3
    assert part.content_type == ("text", "plain")
    assert part.encoding == "8bit"
    assert part.fields is not None
    assert part.fields[b"subject"] == [b"Minutes of the meeting"]


@pytest.mark.parametrize("octets", [b"", b"\r\n", b"\n", b"x", b"A: b", b"A: b\r\n", b"\r\n\r\n"])
def test_hardly_a_letter(octets: bytes) -> None:
    part = scan(octets)
    assert part.content_type == ("text", "plain")
    assert part.body_start == len(split(octets)[0])
    assert part.end == len(octets)


def test_nested() -> None:
    bodies = [
        _content(letters.NESTED, part)
        for part in letters.walk(scan(letters.NESTED))
        if not part.children and part.message is None
    ]
    assert bodies == [b"1", b"2", b"3.1", b"3.2", b"4.1", b"4.2.1", b"4.2.2.1", b"4.2.2.2"]


def _children(octets: bytes) -> list[bytes]:
    return [_content(octets, child) for child in scan(octets).children]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--\r\n", [b"one", b"two"]),
        (b"--b\n\none\n--b\n\ntwo\n--b--\n", [b"one", b"two"]),
        (b"--b \t\r\n\r\none\r\n--b-- \r\n", [b"one"]),
        (b"--b\r\n\r\none\r\n--bc\r\n--b --\r\n--b-\r\n", [b"one\r\n--bc\r\n--b --\r\n--b-\r\n"]),
        (b"--b\r\n\r\none --b\r\n--b", [b"one --b", b""]),
        (b"--b\r\n\r\none\r\n--b--\r\n--b\r\n\r\nafter the end", [b"one"]),
        (b"--b\r\n\r\n\r\n--b--", [b""]),
        (b"--b\r\n\r\n--b--", [b""]),
        (b"--b\r\n--b\r\n--b--", [b"", b""]),
        (b"--b\r\n\r\n\r\n\r\n--b--", [b"\r\n"]),
        (b"--b\r\nA: no empty line\r\n--b--", [b""]),
        (b"--b", [b""]),
    ],
)
def test_delimiters(body: bytes, expected: list[bytes]) -> None:
    assert _children(MIXED + body) == expected


def test_a_line_longer_than_any_boundary_is_no_delimiter() -> None:
    for blanks, count in ((MAX_LINE - 4, 2), (MAX_LINE - 3, 1)):
        octets = MIXED + b"--b\r\n\r\none\r\n--b" + b" " * blanks + b"\n\r\ntwo"
        assert len(scan(octets).children) == count
        assert scan(octets) == _fed(octets, list(range(len(octets))))


def test_an_outer_delimiter_ends_inner_parts() -> None:
    octets = (
        MIXED + b"--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n"
        b"Content-Type: message/rfc822\r\n\r\nSubject: x\r\n--b\r\n\r\ntwo\r\n--b--\r\n"
    )
    first, second = scan(octets).children
    assert _content(octets, second) == b"two"
    message = first.children[0].message
    assert message is not None
    assert message.fields == {b"subject": [b"x"]}
    assert message.body_start == message.end == first.end


def test_a_boundary_that_begins_like_the_outer_one() -> None:
    octets = (
        MIXED + b"--b\r\nContent-Type: multipart/mixed; boundary=bb\r\n\r\n"
        b"--bb\r\n\r\ninner\r\n--bb--\r\n--b\r\n\r\nouter\r\n--b--\r\n"
    )
    first, second = scan(octets).children
    assert _content(octets, first.children[0]) == b"inner"
    assert _content(octets, second) == b"outer"


def test_digest_parts_are_messages() -> None:
    octets = (
        b"Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: one\r\n\r\nx\r\n"
        b"--b\r\nContent-Type: text/plain\r\n\r\nplain\r\n--b--\r\n"
    )
    first, second = scan(octets).children
    assert first.message is not None
    assert first.message.fields == {b"subject": [b"one"]}
    assert second.message is None


@pytest.mark.parametrize(
    "octets", [b"Content-Type: multipart/mixed\r\n\r\n--b\r\nx", MIXED + b"no delimiter at all"]
)
def test_a_multipart_without_parts_is_text(octets: bytes) -> None:
    part = scan(octets)
    assert part.content_type == ("text", "plain")
    assert part.children == []
    assert _content(octets, part) == split(octets)[1]


def test_lines_are_counted_for_each_part() -> None:
    octets = MIXED + b"--b\r\n\r\n1\r\n2\r\n3\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
    octets += b"Subject: x\r\n\r\n1\r\n2\r\n--b--\r\nepilogue\r\n"
    part = scan(octets)
    text, message = part.children
    assert text.lines == 2  # the line break before a delimiter belongs to the delimiter
    assert message.lines == 3
    assert message.message is not None
    assert message.message.lines == 1
    assert part.lines == octets.count(b"\r\n") - 2


def test_depth_is_bounded() -> None:
    octets = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n)
        for n in range(2000)
    )
    parts = letters.walk(scan(octets))
    assert len(parts) == MAX_DEPTH
    assert parts[-1].content_type == ("text", "plain")
    assert parts[-1].end == len(octets)
    octets = b"Content-Type: message/rfc822\r\n\r\n" * 50_000
    assert len(letters.walk(scan(octets))) == MAX_DEPTH


def test_parts_are_bounded() -> None:
    octets = MIXED + b"--b\r\n\r\nx\r\n" * 200_000
    part = scan(octets)
    assert len(part.children) == MAX_PARTS - 1
    assert part.children[-1].end == part.end == len(octets)
    assert _content(octets, part.children[-2]) == b"x"


def test_what_inner_headers_keep_is_bounded() -> None:
    inner = b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: " + b"x" * 100_000 + b"\r\n\r\n"
    found = scan(MIXED + inner * 50)
    assert len(found.children) == 50
    kept = [child.message.fields or {} for child in found.children if child.message]
    assert [len(fields) for fields in kept] == [1, 1] + [0] * 48
    big = b"--b\r\nContent-Type: text/html; name=" + b"x" * 100_000 + b"\r\n\r\n"
    found = scan(MIXED + big * 50)
    assert [child.content_type[1] for child in found.children] == ["html"] * 2 + ["plain"] * 48


@pytest.mark.parametrize("end", [b"\r\n\r\nbody\r\n", b""])
def test_a_header_block_beyond_the_limit(end: bytes) -> None:
    octets = b"Subject: s\r\nX: " + b"x" * (2 * MAX_HEADER) + b"\r\nTo: late@x" + end
    part = scan(octets)
    assert part.body_start == len(split(octets)[0])
    assert part.fields == {b"subject": [b"s"]}
    assert _fed(octets, list(range(0, len(octets), 1000))) == part


@pytest.mark.parametrize("step", [1, 2, 3, 7, 64])
@pytest.mark.parametrize("octets", [letters.SIMPLE, letters.NESTED])
def test_the_cuts_do_not_matter(octets: bytes, step: int) -> None:
    assert _fed(octets, list(range(0, len(octets), step))) == scan(octets)


@given(letters.octets, st.data())
@settings(max_examples=400)
def test_any_octets(octets: bytes, data: st.DataObject) -> None:
    part = scan(octets)
    cuts = data.draw(st.lists(st.integers(0, len(octets)), max_size=30))
    assert _fed(octets, cuts) == part
    assert (part.header_start, part.end) == (0, len(octets))
    assert part.body_start == len(split(octets)[0])
    assert part.lines == octets.count(b"\n", part.body_start)
    for found in letters.walk(part):
        assert found.header_start <= found.body_start <= found.end
        assert found.is_multipart == bool(found.children)
        assert found.holds_message == (found.message is not None)
        assert found.lines == octets.count(b"\n", found.body_start, found.end)
        at = found.body_start
        for child in found.children:
            assert at <= child.header_start
            at = child.end
        assert at <= found.end
        if found.message:
            assert found.message.header_start == found.body_start
            assert found.message.end == found.end


NESTED_IN_TWO = MIXED + b"--b\r\nContent-Type: multipart/mixed; boundary=yy\r\n"


@pytest.mark.parametrize(
    ("start", "again", "times"),
    [
        (MIXED, b"--b\r\n\r\n\r\n", 200_000),
        (MIXED, b"--b\r\n", 300_000),
        (MIXED + b"--b\r\n\r\n", b"\n--", 500_000),
        (NESTED_IN_TWO + b"\r\n", b"\n--", 500_000),
        (NESTED_IN_TWO, b"\n--", 500_000),
        (NESTED_IN_TWO, b"\n--y", 400_000),
        (b"", b"Content-Type: message/rfc822\r\n\r\n", 50_000),
        (b"", b"Content-Type: multipart/digest; boundary=x\r\n\r\n--x\r\n\r\n", 20_000),
        (
            b"".join(
                b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n)
                for n in range(500)
            ),
            b"\n--b",
            400_000,
        ),
        (b"", b"a", 2_000_000),
        (b"", b"a:\r\n ", 400_000),
        (b"Content-Type: a/b", b';x="', 60_000),
        (b"Content-Type: a/b", b"(", 250_000),
    ],
)
def test_bombs(start: bytes, again: bytes, times: int) -> None:
    """D7, D8: a step that is not linear would take minutes here."""
    octets = start + again * times
    part = scan(octets)
    bodystructure(part)
    assert _fed(octets, list(range(0, len(octets), 4096))) == part


@pytest.mark.parametrize("block", [b"x" * 76 + b"\r\n", b"\r\n", b"\n--"])
def test_memory_is_bounded(block: bytes) -> None:
    scanner = Scanner()
    scanner.feed(MIXED + b"--b\r\n\r\n")
    for _ in range(50):
        scanner.feed(block * 5000)
        assert len(scanner._data) < 2 * MAX_LINE


def test_small_blocks_of_a_long_header_cost_little() -> None:
    scanner = Scanner()
    for _ in range(MAX_HEADER):
        scanner.feed(b"x")
    scanner.finish()


def _differences(expected: dict[str, Any], part: Part) -> list[str]:
    """Compare a part with the vector's part list, from part 0 downwards."""
    found = []

    def compare(number: int, part: Part) -> None:
        told = expected["parts"][number]
        offsets = (told["offset_header"], told["offset_body"], told["offset_end"])
        if offsets != (part.header_start, part.body_start, part.end):
            found.append(f"{number}: {offsets}")
        kind = next(iter(told["body"])) if isinstance(told["body"], dict) else told["body"]
        types = [
            field["value"]["ContentType"]
            for field in told["headers"]
            if field["name"] == "content_type" and "ContentType" in field["value"]
        ]
        if types and (types[0]["c_type"].lower(), types[0]["c_subtype"].lower()) != (
            part.content_type
        ):
            found.append(f"{number}: {part.content_type}")
        children = told["body"][kind] if kind == "Multipart" else []
        if len(children) != len(part.children):
            found.append(f"{number}: {len(part.children)} children")
        for child, inner in zip(children, part.children, strict=False):
            compare(child, inner)
        if (kind == "Message") != (part.message is not None):
            found.append(f"{number}: message")
        elif part.message is not None:
            found.extend(_differences(told["body"]["Message"], part.message))

    compare(0, part)
    return found


@pytest.mark.parametrize("ending", ["lf", "crlf"])
@pytest.mark.parametrize("path", letters.vector_files(), ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_vectors(path: Path, ending: str) -> None:
    octets = path.read_bytes()
    if ending == "lf":
        octets = octets.replace(b"\r", b"")
        told = path.with_suffix(".json")
    else:
        octets = octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        told = path.with_suffix(".crlf.json")
    expected = json.loads(told.read_text())
    differences = _differences(expected, scan(octets))
    if f"{path.parent.name}/{path.stem}" in OTHERWISE:
        assert differences
    else:
        assert differences == []


def test_vectors_are_all_there() -> None:
    assert len(letters.vector_files()) in (0, 84)
