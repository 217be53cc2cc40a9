import pytest
from hypothesis import given, strategies as st

from postroom.message import xtext
from postroom.message.xtext import Original, original_recipient

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("bob+2Btag@example.com", "bob+tag@example.com"),
        ("+C3+A9", "é"),
        ("+C3x", "\ufffdx"),
        ("+", "+"),
        ("+2", "+2"),
        ("+2b", "+2b"),  # RFC 3461 §4: upper case only
        ("+GG", "+GG"),
        ("+2B+2B", "++"),
        ("+2B2B", "+2B"),
        ("+0D+0A", "\r\n"),
        ("é+41", "éA"),
    ],
)
def test_decode(written: str, expected: str) -> None:
    assert xtext.decode(written) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bob@example.com", "bob@example.com"),
        ("jörg@例.example", "j\\x{F6}rg@\\x{4F8B}.example"),
        ("a+b=c\\ d", "a\\x{2B}b\\x{3D}c\\x{5C}\\x{20}d"),
        ("\U0001f600\0\x7f", "\\x{1F600}\\x{00}\\x{7F}"),
        ("\ud800", "\\x{FFFD}"),
    ],
)
def test_encode_utf8(text: str, expected: str) -> None:
    assert xtext.encode_utf8(text) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("\\x{F6}", "ö"),
        ("\\x{10FFFF}", "\U0010ffff"),
        ("\\x{110000}\\x{D800}", "\ufffd\ufffd"),
        ("\\x{6}\\x{f6}\\x{1234567}\\x{", "\\x{6}\\x{f6}\\x{1234567}\\x{"),
        ("j\u00f6rg+2Bx", "jörg+x"),
    ],
)
def test_decode_utf8(written: str, expected: str) -> None:
    assert xtext.decode_utf8(written) == expected


@pytest.mark.parametrize(
    ("orcpt", "expected"),
    [
        ("rfc822;Bob+2Bx@example.com", Original("rfc822", "Bob+x@example.com")),
        ("RFC822;a;b", Original("rfc822", "a;b")),
        ("utf-8;j\\x{F6}rg@example.com", Original("utf-8", "jörg@example.com")),
        ("rfc822;j\\x{F6}rg", Original("rfc822", "j\\x{F6}rg")),
        ("x400;/S=+20a", Original("x400", "/S= a")),
        ("bob@example.com", Original("rfc822", "bob@example.com")),
        ("not a type;bob", Original("rfc822", "not a type;bob")),
        ("", Original("rfc822", "")),
    ],
)
def test_original_recipient(orcpt: str, expected: Original) -> None:
    assert original_recipient(orcpt) == expected


def test_an_original_recipient_is_written_as_it_was_decoded() -> None:
    assert str(original_recipient("rfc822;a+2Bb@c")) == "rfc822;a+b@c"


@given(TEXT)
def test_what_is_written_is_read_back(text: str) -> None:
    written = xtext.encode_utf8(text)
    assert xtext.decode_utf8(written) == text
    assert written.isascii()
    assert not set(written) & set(" \r\n\0=")


@given(st.text(max_size=60))
def test_nothing_raises(text: str) -> None:
    xtext.encode_utf8(text)
    original_recipient(text)
    original_recipient("utf-8;" + text)
