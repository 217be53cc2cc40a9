"""Names as octets, and the failures that callers see."""

import dns.name
import pytest
from hypothesis import given, strategies as st

from postroom.errors import Temporary
from postroom.net.dns_records import InvalidName, LookupFailed, wire_name


@pytest.mark.parametrize(
    ("name", "octets"),
    [
        ("example.org", b"\x07example\x03org\0"),
        ("_dmarc.a.b", b"\x06_dmarc\x01a\x01b\0"),
        ("a\\.b", b"\x02a\\\x01b\0"),
        ("x" * 63, b"\x3f" + b"x" * 63 + b"\0"),
    ],
)
def test_a_name_on_the_wire(name: str, octets: bytes) -> None:
    assert wire_name(name) == octets


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "empty label"),
        (".", "empty label"),
        ("a..b", "empty label"),
        (".a", "empty label"),
        ("a..", "empty label"),
        ("x" * 64 + ".org", "longer than 63"),
        (".".join(["x" * 49] * 5) + ".abcd", "longer than 253"),
        ("bücher.example", "A-label"),
        ("a b.org", "spaces"),
        ("a\0.org", "control"),
        ("a\r\n.org", "control"),
        ("a\x7f.org", "control"),
    ],
)
def test_what_is_no_name_is_refused(name: str, words: str) -> None:
    with pytest.raises(InvalidName, match=words):
        wire_name(name)


def test_the_longest_name_is_taken() -> None:
    name = ".".join(["x" * 49] * 5) + ".abc"
    assert len(name) == 253
    assert len(wire_name(name)) == 255


@given(st.text(alphabet=st.characters(max_codepoint=200), max_size=300))
def test_every_text_is_a_name_or_refused(text: str) -> None:
    try:
        octets = wire_name(text)
    except InvalidName:
        return
    read, used = dns.name.from_wire(octets, 0)
    assert used == len(octets) <= 255
    assert b".".join(read.labels) == text.encode() + b"."


def test_a_failure_is_temporary_and_says_why() -> None:
    error = LookupFailed("a.test", "MX", "the server says SERVFAIL")
    assert isinstance(error, Temporary)
    assert (error.code, error.status) == (451, "4.4.3")
    assert (error.name, error.kind, error.reason) == ("a.test", "MX", "the server says SERVFAIL")
    assert "MX of 'a.test': the server says SERVFAIL" in str(error)
    assert "a.test" not in error.text
