import email
import email.policy
from email.message import EmailMessage, Message
from typing import get_args

import pytest
from hypothesis import given, settings, strategies as st

from postroom.message import headers
from postroom.message.charset import decode_words
from postroom.message.content import decoded
from postroom.message.dsn import (
    MAX_FULL,
    MAX_HEAD,
    MAX_RECIPIENTS,
    MAX_TEXT,
    Kind,
    Report,
    ReportedRecipient,
    compose,
)
from postroom.message.part import Part
from postroom.message.scan import scan
from postroom.message.sevenbit import convert
from postroom.message.sevenbit_encode import has_line_ends, is_clean, longest_line

NOW = 1_791_799_198_000
HEAD = (
    b"From: Alice <alice@example.org>\r\n"
    b"Subject: Minutes\r\n of the meeting\r\n"
    b"Message-ID: <1@example.org>\r\n"
    b"\r\n"
)


def _recipient(**changes: object) -> ReportedRecipient:
    values: dict[str, object] = {"final": "bob@example.com", "action": "failed", "status": "5.1.1"}
    return ReportedRecipient(**(values | changes))  # type: ignore[arg-type]


def _report(*recipients: ReportedRecipient, **changes: object) -> Report:
    values: dict[str, object] = {
        "kind": "failed",
        "reporting_mta": "mx.example.org",
        "postmaster": "postmaster@example.org",
        "to": "alice@example.org",
        "recipients": recipients or (_recipient(),),
        "head": HEAD,
        "message_id": "2@mx.example.org",
        "date": NOW,
    }
    return Report(**(values | changes))  # type: ignore[arg-type]


def _body(octets: bytes, number: int) -> bytes:
    part = scan(octets).children[number]
    return octets[part.body_start : part.end]


def _text(octets: bytes) -> str:
    part = scan(octets).children[0]
    return decoded(part, octets[part.body_start : part.end])


def _types(octets: bytes) -> list[str]:
    return ["/".join(part.content_type) for part in scan(octets).children]


def _parsed(octets: bytes) -> EmailMessage:
    """The standard library as a second reader."""
    found = email.message_from_bytes(octets, policy=email.policy.default)
    assert isinstance(found, EmailMessage)
    assert not found.defects
    return found


def test_a_whole_notice() -> None:
    octets = compose(
        _report(
            _recipient(
                original="rfc822;Bob@example.com",
                remote_mta="mx.example.com",
                diagnostic="550 5.1.1 No such user here",
                last_attempt=NOW - 1000,
            ),
            arrival_date=NOW - 60_000,
            envelope_id="q1",
        )
    )
    boundary = _parsed(octets).get_boundary() or ""
    assert octets.decode("ascii").replace(boundary, "B").replace("\r\n", "\n") == (
        'From: "Mail Delivery System" <postmaster@example.org>\n'
        "To: <alice@example.org>\n"
        "Subject: Undelivered: Minutes of the meeting\n"
        "Date: Mon, 12 Oct 2026 09:59:58 +0000\n"
        "Message-ID: <2@mx.example.org>\n"
        "In-Reply-To: <1@example.org>\n"
        "References: <1@example.org>\n"
        "Auto-Submitted: auto-replied\n"
        "MIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=delivery-status;\n boundary="B"\n'
        "\n"
        "--B\n"
        "Content-Type: text/plain; charset=us-ascii\n"
        "Content-Description: Explanation\n"
        "Content-Transfer-Encoding: 7bit\n"
        "\n"
        "This is the mail server mx.example.org.\n"
        "\n"
        "Subject: Minutes of the meeting\n"
        "Accepted: Mon, 12 Oct 2026 09:58:58 +0000\n"
        "\n"
        "Your message could not be delivered to this address, and is not tried again:\n"
        "\n"
        "  bob@example.com\n"
        "    There is no such mailbox. (5.1.1)\n"
        "    What to do: Check the address for typing errors, or ask the recipient by\n"
        "    other means for the right one.\n"
        "    The server mx.example.com said:\n"
        "    > 550 5.1.1 No such user here\n"
        "    Last tried: Mon, 12 Oct 2026 09:59:57 +0000\n"
        "\n"
        "Below are the same facts for mail programs, and your message or its header.\n"
        "\n"
        "--B\n"
        "Content-Type: message/delivery-status\n"
        "Content-Description: Delivery report\n"
        "Content-Transfer-Encoding: 7bit\n"
        "\n"
        "Original-Envelope-Id: q1\n"
        "Reporting-MTA: dns; mx.example.org\n"
        "Arrival-Date: Mon, 12 Oct 2026 09:58:58 +0000\n"
        "\n"
        "Original-Recipient: rfc822; Bob@example.com\n"
        "Final-Recipient: rfc822; bob@example.com\n"
        "Action: failed\n"
        "Status: 5.1.1\n"
        "Remote-MTA: dns; mx.example.com\n"
        "Diagnostic-Code: smtp; 550 5.1.1 No such user here\n"
        "Last-Attempt-Date: Mon, 12 Oct 2026 09:59:57 +0000\n"
        "\n"
        "--B\n"
        "Content-Type: text/rfc822-headers\n"
        "Content-Description: Header of your message\n"
        "Content-Transfer-Encoding: 7bit\n"
        "\n" + HEAD.decode().replace("\r\n", "\n") + "--B--\n"
    )


def test_no_recipient_is_no_notice() -> None:
    with pytest.raises(ValueError, match="one recipient"):
        compose(_report(recipients=()))


@pytest.mark.parametrize(
    ("kind", "subject", "said"),
    [
        ("failed", "Undelivered: ", "could not be delivered to this address, and is not tried"),
        ("delayed", "Delayed: ", "You need to do nothing"),
        ("delivered", "Delivered: ", "has been delivered to this address:"),
        ("relayed", "Passed on: ", "does not confirm"),
        ("expanded", "Passed on: ", "to everybody behind this address:"),
    ],
)
def test_kinds(kind: Kind, subject: str, said: str) -> None:
    one = _recipient(action=kind, status="", will_retry_until=NOW)
    octets = compose(_report(one, kind=kind))
    assert _parsed(octets)["Subject"] == subject + "Minutes of the meeting"
    assert said in " ".join(_text(octets).split())
    status = {"failed": "5.0.0", "delayed": "4.0.0"}.get(kind, "2.0.0")
    assert b"Action: %b\r\nStatus: %b\r\n" % (kind.encode(), status.encode()) in octets
    assert (b"Will-Retry-Until: " in octets) is (kind == "delayed")
    assert ("We keep trying until: Mon, 12 Oct 2026" in _text(octets)) is (kind == "delayed")
    assert ("What to do: " in _text(octets)) is (kind == "failed")


def test_several_fates_in_one_notice() -> None:
    octets = compose(
        _report(
            _recipient(final="a@x", action="delivered", status="2.1.5"),
            _recipient(final="b@x"),
            _recipient(final="c@x"),
            _recipient(final="d@x", action="delayed", status="4.4.1"),
        )
    )
    text = _text(octets)
    assert text.index("these addresses, and is not") < text.index("b@x") < text.index("c@x")
    assert text.index("c@x") < text.index("d@x") < text.index("a@x")
    assert [line for line in octets.split(b"\r\n") if line.startswith(b"Action")] == [
        b"Action: delivered", b"Action: failed", b"Action: failed", b"Action: delayed",
    ]  # fmt: skip


def test_many_recipients() -> None:
    some = [_recipient(final=f"b{number}@example.com") for number in range(MAX_RECIPIENTS + 7)]
    octets = compose(_report(*some))
    assert "... and 7 more." in _text(octets)
    assert octets.count(b"Final-Recipient: ") == MAX_RECIPIENTS
    assert "more." not in _text(compose(_report(*some[:MAX_RECIPIENTS])))


def test_the_standard_library_reads_the_status() -> None:
    octets = compose(_report(_recipient(), _recipient(final="c@example.com", status="5.2.2")))
    message = _parsed(octets)
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "delivery-status"
    _explanation, status, returned = message.iter_parts()
    groups = status.get_payload()
    assert isinstance(groups, list)
    first, *rest = [group for group in groups if isinstance(group, Message)]
    assert first["Reporting-MTA"] == "dns; mx.example.org"
    assert [group["Final-Recipient"] for group in rest] == [
        "rfc822; bob@example.com",
        "rfc822; c@example.com",
    ]
    assert [group["Status"] for group in rest] == ["5.1.1", "5.2.2"]
    assert returned.get_content_type() == "text/rfc822-headers"


@pytest.mark.parametrize(
    ("original", "field"),
    [
        ("rfc822;Bob+x@example.com", b"rfc822; Bob+x@example.com"),
        ("RFC822;b", b"rfc822; b"),
        ("x400;/S=a;b", b"x400; /S=a;b"),
        ("utf-8;bob+x@example.com", b"utf-8; bob\\x{2B}x@example.com"),
        ("bob", b"rfc822; bob"),
        ("not a type;bob", b"rfc822; not a type;bob"),
        ("rfc822;a\r\nAction: delivered\0", b"rfc822; a Action: delivered"),
    ],
)
def test_original_recipients(original: str, field: bytes) -> None:
    octets = compose(_report(_recipient(original=original)))
    assert b"\r\nOriginal-Recipient: " + field + b"\r\n" in octets
    assert _types(octets)[1] == "message/delivery-status"


@pytest.mark.parametrize("original", [None, "", "rfc822;", "rfc822;\r\n"])
def test_no_original_recipient(original: str | None) -> None:
    assert b"Original-Recipient" not in compose(_report(_recipient(original=original)))


@pytest.mark.parametrize(
    ("original", "is_told"),
    [("rfc822;BOB@example.com", False), ("rfc822;bob.b@example.com", True), (None, False)],
)
def test_whom_the_sender_wrote_to(original: str | None, is_told: bool) -> None:
    text = _text(compose(_report(_recipient(original=original))))
    assert ("You wrote to bob.b@example.com" in text) is is_told


@pytest.mark.parametrize(
    "status", ["", "x", "5.1", "5.1.1.1", "3.1.1", "5.1.1\r\nX: y", "5.1.1000"]
)
def test_what_is_no_status(status: str) -> None:
    assert b"\r\nStatus: 5.0.0\r\n" in compose(_report(_recipient(status=status)))


def test_addresses_beyond_ascii() -> None:
    octets = compose(
        _report(
            _recipient(final="jörg@example.com", diagnostic="550 ö", remote_mta="ö.example"),
            _recipient(original="utf-8;jürg+x@example.com"),
            _recipient(original="rfc822;jürg@example.com"),
            to="älice@example.org",
        )
    )
    assert _types(octets)[1:] == ["message/global-delivery-status", "text/rfc822-headers"]
    assert _parsed(octets).get_param("report-type") == "global-delivery-status"  # RFC 6522 §3
    body = _body(octets, 1).decode()
    assert "\r\nFinal-Recipient: utf-8; jörg@example.com\r\n" in body
    assert "\r\nOriginal-Recipient: utf-8; jürg+x@example.com\r\n" in body
    assert "\r\nOriginal-Recipient: utf-8; jürg@example.com\r\n" in body
    assert "\r\nFinal-Recipient: rfc822; bob@example.com\r\n" in body
    assert "\r\nDiagnostic-Code: smtp; 550 ö\r\n" in body
    assert "\r\nRemote-MTA: dns; ?.example\r\n" in body
    assert "\r\nTo: <älice@example.org>\r\n" in octets.decode()
    assert headers.value(octets, b"content-transfer-encoding") == b"8bit"
    assert "jörg@example.com" in _text(octets)


def test_words_beyond_ascii_in_a_plain_report() -> None:
    octets = compose(_report(_recipient(diagnostic="550 Empfänger unbekannt"), envelope_id="ö"))
    assert octets.isascii()
    assert b"Diagnostic-Code: smtp; 550 Empf?nger unbekannt\r\n" in octets
    assert b"Original-Envelope-Id: ?\r\n" in octets
    assert "> 550 Empfänger unbekannt" in _text(octets)


@pytest.mark.parametrize("subject", ["Grüße", "日本語 " * 30, "=?utf-8?q?Gr=C3=BC=C3=9Fe?="])
def test_headers_beyond_ascii(subject: str) -> None:
    head = f"Subject: {subject}\r\nX: y\r\n\r\n".encode()
    octets = compose(_report(head=head))
    kind = "text/rfc822-headers" if head.isascii() else "message/global-headers"
    assert _types(octets) == ["text/plain", "message/delivery-status", kind]
    assert _body(octets, 2) == head[:-2]
    shown = decode_words(headers.value(octets, b"subject") or b"")
    assert shown == f"Undelivered: {decode_words(subject.encode()).strip()}"
    assert headers.split(octets)[0].isascii()


def test_headers_that_are_no_utf8() -> None:
    octets = compose(_report(head=b"Subject: \xe9\0\r\nX: a\rb\nY: c"))
    assert _types(octets)[2] == "message/global-headers"
    assert _body(octets, 2) == "Subject: �?\r\nX: a\r\nb\r\nY: c".encode()


@pytest.mark.parametrize(
    ("head", "subject"),
    [
        (b"", "your message"),
        (b"Subject:\r\n\r\n", "your message"),
        (b"Subject: \r\n \x1b\r\n\r\n", "your message"),
        (b"Subject: " + b"x" * 5000 + b"\r\n\r\n", "x" * 197 + "..."),
        (b"\r\nSubject: not a field\r\n", "your message"),
    ],
)
def test_subjects(head: bytes, subject: str) -> None:
    octets = compose(_report(head=head))
    shown = headers.value(octets, b"subject") or b""
    assert decode_words(shown) == f"Undelivered: {subject}"


@pytest.mark.parametrize(
    "ident", [b"", b"<>", b"<a b@c>", b"<\xc3\xa9@c>", b"<" + b"x" * 990 + b">"]
)
def test_identifiers_that_can_not_be_repeated(ident: bytes) -> None:
    octets = compose(_report(head=b"Message-ID: " + ident + b"\r\n\r\n"))
    assert headers.value(octets, b"in-reply-to") is None
    assert headers.value(octets, b"references") is None


# -- the whole message


def _message(octets: bytes) -> Part | None:
    return scan(octets).children[2].message


@pytest.mark.parametrize(
    ("body", "encoding"), [(b"text\r\n", "7bit"), (b"", "7bit"), ("é".encode(), "8bit")]
)
def test_a_whole_message_is_returned(body: bytes, encoding: str) -> None:
    octets = compose(_report(body=body))
    message = _message(octets)
    assert message is not None
    assert octets[message.header_start : message.end] == HEAD + body
    assert scan(octets).children[2].encoding == encoding
    outer = headers.value(octets, b"content-transfer-encoding")
    assert outer == (b"8bit" if encoding == "8bit" else None)


def test_a_whole_message_beyond_ascii() -> None:
    head = "Subject: é\r\n\r\n".encode()
    octets = compose(_report(head=head, body=b"x\r\n"))
    assert _types(octets)[2] == "message/global"
    assert _body(octets, 2) == head + b"x\r\n"
    octets = compose(_report(head=b"Subject: \xe9\r\n\r\n", body=b"x\r\n"))
    assert _types(octets)[2] == "message/global-headers"


@pytest.mark.parametrize("body", [b"a\0", b"a\nb", b"a\rb", b"x" * 999, b"y\r\n" * (MAX_FULL // 3)])
def test_only_the_header_is_returned(body: bytes) -> None:
    octets = compose(_report(body=body))
    assert _types(octets)[2] == "text/rfc822-headers"
    assert _body(octets, 2) == HEAD[:-2]


def test_the_largest_message_that_is_returned() -> None:
    body = b"y\r\n" * ((MAX_FULL - len(HEAD)) // 3)
    assert _message(compose(_report(body=body))) is not None


@pytest.mark.parametrize("head", [b"", b"Subject: x", b"Subject: x\r\n"])
def test_a_header_without_its_empty_line(head: bytes) -> None:
    octets = compose(_report(head=head, body=b"text\r\n"))
    message = _message(octets)
    assert message is not None
    assert octets[message.body_start : message.end] == b"text\r\n"


def test_a_message_that_holds_the_boundary() -> None:
    boundary = (_parsed(compose(_report(body=b""))).get_boundary() or "").encode()
    octets = compose(_report(body=b"\r\n--" + boundary + b"--\r\n"))
    assert len(scan(octets).children) == 3


# -- bounds


def test_a_long_header_is_cut_between_fields() -> None:
    head = HEAD[:-2] + b"X: y\r\n\tz\r\n" * 20_000 + b"\r\n"
    returned = _body(compose(_report(head=head)), 2)
    assert MAX_HEAD - 20 < len(returned) <= MAX_HEAD
    assert returned.endswith(b"X: y\r\n\tz\r\n")
    returned = _body(compose(_report(head=b"X: y\r\n" + b" z\r\n" * 20_000 + b"\r\n")), 2)
    assert returned == b""


def test_long_lines_of_a_header_are_cut() -> None:
    head = b"X: " + b"x" * 2000 + b"\r\nY: " + "é".encode() * 2000 + b"\r\n\r\n"
    first, second = _body(compose(_report(head=head)), 2).splitlines()
    assert first == b"X: " + b"x" * 992 + b"..."
    assert second == b"Y: " + "é".encode() * 496 + b"..."


def test_what_a_server_said_is_cut() -> None:
    octets = compose(_report(_recipient(diagnostic="550 " + "word\r\n " * 100_000)))
    groups = _parsed(octets)
    said = str(list(list(groups.iter_parts())[1].iter_parts())[1]["Diagnostic-Code"])
    assert said.startswith("smtp; 550 word word")
    assert MAX_TEXT - 10 < len(said.removeprefix("smtp; ")) <= MAX_TEXT
    assert len(octets) < 4000


HOSTILE = "x>\r\nBcc: y@z\r\n\r\n--b\0\x1b\u2028\u0085é" + "w" * 3000


def test_nothing_can_be_put_into_a_notice() -> None:
    ours = ("to", "postmaster", "reporting_mta", "message_id", "envelope_id")
    theirs = ("final", "original", "status", "remote_mta", "diagnostic")
    one = _recipient(**dict.fromkeys(theirs, HOSTILE))
    octets = compose(_report(one, **dict.fromkeys(ours, HOSTILE)))
    _check(octets)
    assert b"\r\nBcc:" not in octets
    assert headers.value(octets, b"message-id") == b"<xBcc:y@z--b" + b"w" * 889 + b">"


def _check(octets: bytes) -> None:
    assert b"\0" not in octets
    assert has_line_ends(octets)
    assert longest_line(octets) <= 998
    parts = scan(octets).children
    octets[: parts[2].header_start].decode("utf-8")
    assert [part.content_type[0] for part in parts][:2] == ["text", "message"]
    assert len(parts) == 3
    head = headers.split(octets)[0]
    names = {field.name for field in headers.fields(head)}
    assert names <= {
        b"from", b"to", b"subject", b"date", b"message-id", b"in-reply-to", b"references",
        b"auto-submitted", b"mime-version", b"content-type", b"content-transfer-encoding",
    }  # fmt: skip
    groups = _body(octets, 1).split(b"\r\n\r\n")
    assert all(group.count(b"\nStatus: ") == 1 for group in groups[1:])
    lines = octets[: parts[2].header_start].split(b"\r\n")
    assert all(line.strip() for line in lines if line)  # a blank alone may end a header


TEXT = st.one_of(
    st.text(max_size=40),
    st.sampled_from([HOSTILE, "", "a@b", "\ud800", "é" * 1000, "\U0001f600" * 1000, "a  b ;"]),
)
TIMES = st.one_of(st.none(), st.integers())
RECIPIENTS = st.builds(
    ReportedRecipient,
    final=TEXT,
    action=st.sampled_from(get_args(Kind)),
    status=st.one_of(TEXT, st.sampled_from(["5.1.1", "4.4.7", "2.1.5"])),
    original=st.one_of(st.none(), TEXT, TEXT.map("utf-8;".__add__), TEXT.map("rfc822;".__add__)),
    remote_mta=TEXT,
    diagnostic=TEXT,
    last_attempt=TIMES,
    will_retry_until=TIMES,
)
PIECES = st.lists(
    st.one_of(
        st.sampled_from([b"A: b\r\n", b"Subject: ", b"Message-ID: <", b"\r\n", b"\r", b"\n", b"\0",
                         b"\xc3\xa9", b"\xe9", b"x" * 998, b"\r\n\r\n", b" "]),
        st.binary(max_size=10),
    ),
    max_size=20,
).map(b"".join)  # fmt: skip
REPORTS = st.builds(
    Report,
    kind=st.sampled_from(get_args(Kind)),
    reporting_mta=TEXT,
    postmaster=TEXT,
    to=TEXT,
    recipients=st.lists(RECIPIENTS, min_size=1, max_size=3),
    head=PIECES,
    message_id=TEXT,
    date=st.integers(),
    arrival_date=TIMES,
    envelope_id=st.one_of(st.none(), TEXT),
    body=st.one_of(st.none(), PIECES),
)


@given(REPORTS)
@settings(max_examples=300)
def test_any_report(report: Report) -> None:
    octets = compose(report)
    _check(octets)
    assert compose(report) == octets
    if headers.split(octets)[0].isascii() and _types(octets)[2] != "message/rfc822":
        result = convert(*headers.split(octets))  # for a server without 8BITMIME
        assert is_clean(result.head + result.body)
        assert _types(result.head + result.body) == _types(octets)
