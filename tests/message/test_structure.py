import pytest
from hypothesis import given

from postroom.message.scan import scan
from postroom.message.structure import basic, bodystructure
from tests.message import imap, letters


def _of(octets: bytes) -> bytes:
    return bodystructure(scan(octets))


def test_a_simple_letter() -> None:
    text = _of(letters.SIMPLE)
    assert text == (
        b'("text" "plain" ("charset" "utf-8" "format" "flowed") NIL NIL "8bit" 17 3'
        b" NIL NIL NIL NIL)"
    )
    assert basic(text) == (
        b'("text" "plain" ("charset" "utf-8" "format" "flowed") NIL NIL "8bit" 17 3)'
    )


def test_no_header() -> None:
    assert _of(b"\r\nx\r\n") == (
        b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 3 1 NIL NIL NIL NIL)'
    )


def test_all_facts() -> None:
    text = _of(
        b'Content-Type: image/gif; name="a\\"b"\r\nContent-Transfer-Encoding: base64\r\n'
        b"Content-ID: <1>\r\nContent-Description: d\r\nContent-MD5: m\r\n"
        b"Content-Disposition: inline; filename=f\r\nContent-Language: de, en\r\n"
        b"Content-Location: l\r\n\r\nxx"
    )
    assert text == (
        b'("image" "gif" ("name" "a\\"b") "<1>" "d" "base64" 2 "m"'
        b' ("inline" ("filename" "f")) ("de" "en") "l")'
    )
    assert basic(text) == b'("image" "gif" ("name" "a\\"b") "<1>" "d" "base64" 2)'


def test_multiparts_and_messages() -> None:
    octets = (
        b"Content-Type: multipart/mixed; boundary=b\r\nContent-Language: en\r\n\r\n--b\r\n\r\n1\r\n"
        b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: \xc3\xa9)(\r\n\r\nx\r\n\r\n--b--\r\n"
    )
    text = _of(octets)
    plain = b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" '
    inner = b"(NIL {4}\r\n\xc3\xa9)( NIL NIL NIL NIL NIL NIL NIL NIL)"
    assert text == (
        b"(" + plain + b"1 0 NIL NIL NIL NIL)"
        b'("message" "rfc822" NIL NIL NIL "7bit" 20 3 NIL NIL NIL NIL)'
        b' "mixed" ("boundary" "b") NIL ("en") NIL)'
    ).replace(b"20 3", b"20 " + inner + b" " + plain + b"3 1 NIL NIL NIL NIL) 3")
    assert basic(text) == (
        b"(" + plain + b"1 0)"
        b'("message" "rfc822" NIL NIL NIL "7bit" 20 ' + inner + b" " + plain + b'3 1) 3) "mixed")'
    )


def test_a_message_global_is_a_message_unless_it_is_encoded() -> None:
    """RFC 9051 §9 media-message, RFC 6532 §3.7."""
    letter = (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
        b"Content-Type: message/global\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        b"Subject: \xc3\xbc\r\n\r\nx\r\n--b\r\n"
        b"Content-Type: message/global\r\nContent-Transfer-Encoding: base64\r\n"
        b"Content-Disposition: inline\r\n\r\nU3ViamVjdDogeA==\r\n--b--\r\n"
    )
    text = bodystructure(scan(letter))
    envelope = b"(NIL {2}\r\n\xc3\xbc NIL NIL NIL NIL NIL NIL NIL NIL)"
    plain = b'"text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 1 0'
    assert text == (
        b'(("message" "global" NIL NIL NIL "8bit" 16 %b (%b NIL NIL NIL NIL) 2 NIL NIL NIL NIL)'
        b'("message" "global" NIL NIL NIL "base64" 16 NIL ("inline" NIL) NIL NIL)'
        b' "mixed" ("boundary" "b") NIL NIL NIL)' % (envelope, plain)
    )
    assert basic(text) == (
        b'(("message" "global" NIL NIL NIL "8bit" 16 %b (%b) 2)'
        b'("message" "global" NIL NIL NIL "base64" 16) "mixed")' % (envelope, plain)
    )


def test_an_empty_multipart_is_text() -> None:
    text = _of(b"Content-Type: multipart/mixed; boundary=b\r\n\r\nnothing")
    assert text == b'("text" "plain" NIL NIL NIL "7bit" 7 0 NIL NIL NIL NIL)'


def test_nothing_stays_nothing() -> None:
    assert basic(b"") == b""


def _check(body: imap.Item, *, extended: bool) -> None:
    """RFC 3501 §9: body, with or without all of its extension data."""
    assert isinstance(body, list)
    if isinstance(body[0], list):
        parts = [item for item in body if isinstance(item, list) and item[0] is not None]
        count = next(i for i, item in enumerate(body) if not isinstance(item, list))
        assert isinstance(body[count], bytes)
        assert len(body) == count + (5 if extended else 1)
        assert parts
        for part in body[:count]:
            _check(part, extended=extended)
        return
    facts = 7
    assert isinstance(body[6], int)
    if body[0] == b"text":
        facts = 8
    elif body[:2] == [b"message", b"rfc822"]:
        facts = 10
        envelope = body[7]
        assert isinstance(envelope, list)
        assert len(envelope) == 10
        _check(body[8], extended=extended)
    assert all(isinstance(item, int) for item in body[facts - (facts > 7) : facts])
    assert len(body) == facts + (4 if extended else 0)


@pytest.mark.parametrize("octets", [letters.NESTED, b"Content-Type: message/rfc822\r\n\r\n" * 200])
def test_the_grammar(octets: bytes) -> None:
    text = _of(octets)
    _check(imap.read(text), extended=True)
    _check(imap.read(basic(text)), extended=False)


@given(letters.octets)
def test_any_octets(octets: bytes) -> None:
    """I4: an independent reader finds the grammar of RFC 3501 in both forms."""
    text = _of(octets)
    _check(imap.read(text), extended=True)
    _check(imap.read(basic(text)), extended=False)
