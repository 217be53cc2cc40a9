import pytest
from hypothesis import given

from postroom.message.envelope import EMPTY, envelope
from postroom.message.headers import split
from tests.message import imap, letters

ALICE = b'(("Alice Example" NIL "alice" "example.org"))'


def test_a_simple_letter() -> None:
    assert envelope(split(letters.SIMPLE)[0]) == (
        b'("Mon, 12 Oct 2026 09:59:58 +0000" "Minutes of the meeting" '
        + ALICE + b" " + ALICE + b" " + ALICE
        + b' (("Bob" NIL "bob" "example.com")("Carol, C." NIL "carol" "example.com"))'
        b' NIL NIL NIL "<1@example.org>")'
    )  # fmt: skip


def test_the_example_of_rfc_3501() -> None:
    """RFC 3501 §8: the same header block and the same ENVELOPE, but for the letter case."""
    head = (
        b"Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\n"
        b"From: Terry Gray <gray@cac.washington.edu>\r\n"
        b"Subject: IMAP4rev1 WG mtg summary and minutes\r\n"
        b"To: imap@cac.washington.edu\r\n"
        b"cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>\r\n"
        b"Message-Id: <B27397-0100000@cac.washington.edu>\r\n"
        b"MIME-Version: 1.0\r\n"
        b"Content-Type: TEXT/PLAIN; CHARSET=US-ASCII\r\n\r\n"
    )
    assert envelope(head) == (
        b'("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" '
        b'"IMAP4rev1 WG mtg summary and minutes" '
        b'(("Terry Gray" NIL "gray" "cac.washington.edu")) '
        b'(("Terry Gray" NIL "gray" "cac.washington.edu")) '
        b'(("Terry Gray" NIL "gray" "cac.washington.edu")) '
        b'((NIL NIL "imap" "cac.washington.edu")) '
        b'((NIL NIL "minutes" "CNRI.Reston.VA.US")'
        b'("John Klensin" NIL "KLENSIN" "MIT.EDU")) NIL NIL '
        b'"<B27397-0100000@cac.washington.edu>")'
    )


def _fields(head: bytes) -> list[imap.Item]:
    found = imap.read(envelope(head))
    assert isinstance(found, list)
    assert len(found) == 10
    return found


def test_nothing() -> None:
    assert envelope(b"\r\n") == EMPTY == b"(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"


def test_empty_is_not_absent() -> None:
    found = _fields(b"Subject:\r\nTo:\r\nSender:\r\nFrom: a@b\r\n\r\n")
    assert found[1] == b""
    assert found[0] is None
    assert found[5] is None
    assert found[3] == found[2] == found[4] == [[None, None, b"a", b"b"]]


def test_sender_and_reply_to() -> None:
    found = _fields(b"From: a@b\r\nSender: c@d\r\nReply-To: e@f\r\n\r\n")
    assert found[2:5] == [
        [[None, None, x, y]] for x, y in ((b"a", b"b"), (b"c", b"d"), (b"e", b"f"))
    ]


def test_groups() -> None:
    found = _fields(b"To: g: a@b, c@d;, undisclosed:;\r\n\r\n")
    end = [None, None, None, None]
    assert found[5] == [
        [None, None, b"g", None],
        [None, None, b"a", b"b"],
        [None, None, b"c", b"d"],
        end,
        [None, None, b"undisclosed", None],
        end,
    ]


def test_several_fields_are_one_list() -> None:
    found = _fields(b"From: a@b\r\nTo: c@d\r\nFrom: e@f\r\nTo: g@h\r\nSubject: 1\r\nSubject: 2\r\n")
    assert found[2] == [[None, None, b"a", b"b"], [None, None, b"e", b"f"]]
    assert found[5] == [[None, None, b"c", b"d"], [None, None, b"g", b"h"]]
    assert found[1] == b"1"


def test_no_domain_is_no_group() -> None:
    assert _fields(b"To: words only\r\n\r\n")[5] == [[None, None, b"words only", b""]]


def test_routes() -> None:
    assert _fields(b"To: <@x:a@b>\r\n\r\n")[5] == [[None, b"@x", b"a", b"b"]]


@pytest.mark.parametrize(
    "subject",
    [b'a "b" \\c', b"\xc3\xa9", b'") NIL) * BYE', b"=?utf-8?q?=0D=0A?=", b"x\ry", b"a" * 5000],
)
def test_octets_can_not_break_out(subject: bytes) -> None:
    """I4: whatever stands in a header is data."""
    head = (
        b"Subject: " + subject + b'\r\nFrom: "' + subject.replace(b'"', b'\\"') + b'" <a@b>\r\n\r\n'
    )
    found = _fields(head)
    assert found[1] == subject


@given(letters.octets)
def test_any_octets(octets: bytes) -> None:
    assert len(_fields(b"From: " + octets)) == 10
    assert len(_fields(octets)) == 10
