import pytest
from hypothesis import given, strategies as st

from postroom.message.quoting import MAX_QUOTED, nstring, string
from tests.message import imap


@pytest.mark.parametrize(
    ("octets", "written"),
    [
        (b"", b'""'),
        (b"plain", b'"plain"'),
        (b'a"b\\c', b'"a\\"b\\\\c"'),
        (b"\x01\x7f\t", b'"\x01\x7f\t"'),
        (b"a\r\nb", b"{4}\r\na\r\nb"),
        (b"\xc3\xa9", b"{2}\r\n\xc3\xa9"),
        (b"a\0b", b'"ab"'),
        (b"\xff\0", b"{1}\r\n\xff"),
        (b"x" * MAX_QUOTED, b'"' + b"x" * MAX_QUOTED + b'"'),
        (b"x" * (MAX_QUOTED + 1), b"{1001}\r\n" + b"x" * (MAX_QUOTED + 1)),
    ],
)
def test_string(octets: bytes, written: bytes) -> None:
    assert string(octets) == written


def test_nil() -> None:
    assert nstring(None) == b"NIL"
    assert nstring(b"NIL") == b'"NIL"'


@given(st.binary(max_size=50))
def test_any_octets_come_back(octets: bytes) -> None:
    assert imap.read(string(octets)) == octets.replace(b"\0", b"")
