import pytest
from hypothesis import given, strategies as st

from postroom.message.content import transferred
from postroom.message.sevenbit_encode import (
    base64_lines,
    has_line_ends,
    is_clean,
    longest_line,
    quoted_printable,
)

_CHUNKS = [b"--", b"-", b"-" * 80, b"From ", b"\r\n", b"\r", b"\n", b" ", b"\t", b"=", b".",
           b"\xc3\xa9", b"x" * 74, b"x" * 75, b"x" * 76, b"x" * 77, b"=3D", b"\0"]  # fmt: skip
OCTETS = st.one_of(
    st.binary(max_size=300),
    st.lists(st.one_of(st.sampled_from(_CHUNKS), st.binary(max_size=4)), max_size=60).map(b"".join),
)


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (b"", True),
        (b"text\r\n", True),
        (b"x" * 998 + b"\r\n" + b"x" * 998, True),
        (b"x" * 999, False),
        (b"short\r\n" + b"x" * 999 + b"\r\n", False),
        (b"\x80", False),
        (b"\0", False),
        (b"a\nb", False),
        (b"a\rb", False),
        (b"\r\r\n\n", False),
    ],
)
def test_clean(octets: bytes, expected: bool) -> None:
    assert is_clean(octets) is expected


def test_the_longest_line() -> None:
    assert longest_line(b"") == 0
    assert longest_line(b"a\r\nbcd\r\nef") == 3
    assert has_line_ends(b"a\r\nb\r\n")
    assert not has_line_ends(b"\n\r")


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (b"", b""),
        (b"caf\xc3\xa9\r\n", b"caf=C3=A9\r\n"),
        (b"blank \r\ntab\t\r\n", b"blank=20\r\ntab=09\r\n"),
        (b"1=1", b"1=3D1"),
        (b"a\nb\rc\0", b"a=0Ab=0Dc=00"),
        (b".\r\n", b"=2E\r\n"),
        (b"From me\r\nFrom", b"=46rom me\r\nFrom"),
        (b"--b\r\n- -\r\n-", b"=2D-b\r\n- -\r\n-"),
        (b"x--b", b"x--b"),
        (b"x" * 76, b"x" * 76),
        (b"x" * 77, b"x" * 75 + b"=\r\nxx"),
    ],
)
def test_quoted_printable(octets: bytes, expected: bytes) -> None:
    assert quoted_printable(octets) == expected


def test_a_soft_line_break_makes_no_delimiter() -> None:
    for filling in range(60, 90):
        for tail in (b"--boundary", b"--boundary\r\nmore", b"-" * 200):
            encoded = quoted_printable(b"\xe9" + b"x" * filling + tail)
            assert not any(line.startswith(b"--") for line in encoded.split(b"\r\n"))


def test_base64() -> None:
    assert base64_lines(b"") == b""
    assert base64_lines(b"x" * 58) == b"eHh4" * 19 + b"\r\neA==\r\n"


@given(OCTETS)
def test_any_octets(octets: bytes) -> None:
    for encoding, encoded in (
        ("quoted-printable", quoted_printable(octets)),
        ("base64", base64_lines(octets)),
    ):
        assert transferred(encoding, encoded) == octets
        assert is_clean(encoded)
        lines = encoded.split(b"\r\n")
        assert all(len(line) <= 76 for line in lines)
        assert not any(line.startswith((b"--", b"From ")) for line in lines)
        assert not any(line.endswith((b" ", b"\t")) for line in lines)
