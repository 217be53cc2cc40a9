import pytest
from hypothesis import given, strategies as st

from postroom.message.headers import fields, unfold, value
from postroom.message.sevenbit_encode import longest_line
from postroom.message.sevenbit_head import folded, with_encoding, with_version

ADDED = b"Content-Transfer-Encoding: base64\r\n"


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"", ADDED),
        (b"\r\n", ADDED + b"\r\n"),
        (b"A: b\r\n\r\n", b"A: b\r\n" + ADDED + b"\r\n"),
        (b"A: b\r\n", b"A: b\r\n" + ADDED),
        (b"A: b", b"A: b\r\n" + ADDED),
        (b"A: b\r\nContent-transfer-ENCODING : 8bit\r\nB: c\r\n\r\n",
         b"A: b\r\n" + ADDED + b"B: c\r\n\r\n"),
        (b"Content-Transfer-Encoding:\r\n 8bit\r\nB: c\r\nContent-Transfer-Encoding: x\r\n y\r\n\r\n",
         ADDED + b"B: c\r\n\r\n"),
        (b"no field\r\n\r\n", b"no field\r\n" + ADDED + b"\r\n"),
    ],
)  # fmt: skip
def test_an_encoding(head: bytes, expected: bytes) -> None:
    assert with_encoding(head, "base64") == expected


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"A: b\r\n\r\n", b"A: b\r\nMIME-Version: 1.0\r\n\r\n"),
        (b"mime-version: 1.0 (x)\r\n\r\n", b"mime-version: 1.0 (x)\r\n\r\n"),
        (b"\r\n", b"MIME-Version: 1.0\r\n\r\n"),
    ],
)
def test_a_version(head: bytes, expected: bytes) -> None:
    assert with_version(head) == expected


def test_long_lines_are_folded_at_blanks() -> None:
    head = b"References: " + b"<1@example.org> " * 200 + b"\r\nB: c\r\n\r\n"
    result = folded(head)
    assert longest_line(result) <= 998
    assert unfold(result).replace(b"\n", b"") == unfold(head).replace(b"\n", b"")
    assert value(result, b"b") == b"c"


@pytest.mark.parametrize(
    "line",
    [
        b"A: " + b"x" * 999,
        b" " * 2000,
        b"A:" + b" " * 2000 + b"x",
        b"x" * 2000,
    ],
)
def test_what_can_not_be_folded_stays(line: bytes) -> None:
    head = line + b"\r\n\r\n"
    assert longest_line(folded(head)) > 998


def test_short_lines_stay() -> None:
    head = b"A: " + b"x " * 490 + b"\r\n" + b"B: c\r\n" * 200 + b"\r\n"
    assert folded(head) == head


def test_folding_a_huge_line_takes_linear_time() -> None:
    line = b"A: " + b"x " * 1_000_000
    assert longest_line(folded(line)) <= 998


@given(st.lists(st.sampled_from([b" ", b"\t", b"x", b"x" * 500, b" " * 999]), max_size=30))
def test_folding_keeps_the_field(pieces: list[bytes]) -> None:
    head = b"A: " + b"".join(pieces) + b"\r\nB: c\r\n\r\n"
    result = folded(head)
    assert result.replace(b"\r\n", b"") == head.replace(b"\r\n", b"")
    assert [field.name for field in fields(result)] == [b"a", b"b"]
    assert all(line.strip(b" \t") for line in result.removesuffix(b"\r\n\r\n").split(b"\r\n"))
