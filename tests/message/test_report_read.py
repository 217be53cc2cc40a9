"""Reports of others, as they come."""

import pytest
from hypothesis import given, strategies as st

from postroom.message import dsn, report_read
from postroom.message.dsn import Report, ReportedRecipient
from postroom.message.report_read import Failed, Returned
from postroom.message.scan import scan

HEAD = b"From: ann@example.org\r\nMessage-ID: <1@example.org>\r\nSubject: Order\r\n\r\n"


def report(kind: str, *parts: tuple[str, str]) -> bytes:
    """A multipart/report of this kind with these parts (type, body)."""
    lines = [
        "From: mailer-daemon@example.net", "To: ann@example.org", "Subject: Returned",
        "MIME-Version: 1.0", f"Content-Type: multipart/report; report-type={kind}; boundary=b", "",
        "--b", "Content-Type: text/plain", "", "Sorry.",
    ]  # fmt: skip
    for content_type, body in parts:
        lines += ["--b", f"Content-Type: {content_type}", "", body]
    return "\r\n".join([*lines, "--b--", ""]).encode()


STATUS = (
    "Reporting-MTA: dns; mx.example.net\r\nArrival-Date: x\r\n\r\n"
    "Original-Recipient: rfc822;Bob@example.net\r\n"
    "Final-Recipient: RFC822; robert@inner.example.net\r\nAction: Failed\r\nStatus: 5.1.1 (no)\r\n"
    "Diagnostic-Code: smtp; 550 5.1.1\r\n  User unknown\r\n\r\n"
    "Final-Recipient: rfc822; late@example.net\r\nAction: delayed\r\nStatus: 4.4.1\r\n"
)
ARF = (
    "Feedback-Type: abuse\r\nUser-Agent: X/1\r\nVersion: 1\r\n"
    "Original-Rcpt-To: <bob@example.net>\r\nOriginal-Rcpt-To: eve@example.net\r\n"
    "Removal-Recipient: bob@example.net\r\n"
)


@pytest.mark.parametrize("returned_as", ["text/rfc822-headers", "message/rfc822"])
def test_a_bounce_tells_whom_the_message_did_not_reach(returned_as: str) -> None:
    octets = report(
        "delivery-status",
        ("message/delivery-status", STATUS),
        (returned_as, HEAD.decode() + "Body"),
    )
    assert report_read.is_report(scan(octets))
    assert report_read.read(octets) == Returned(
        "bounce",
        HEAD,
        reporter="mx.example.net",
        failed=(
            Failed(
                "robert@inner.example.net", "Bob@example.net", "5.1.1", "550 5.1.1 User unknown"
            ),
        ),
    )


def test_a_complaint_names_whom_it_may() -> None:
    octets = report(
        "feedback-report", ("message/feedback-report", ARF), ("message/rfc822", HEAD.decode())
    )
    found = report_read.read(octets)
    assert found is not None
    assert (found.kind, found.head) == ("complaint", HEAD)
    assert found.recipients == ("bob@example.net", "eve@example.net")
    assert found.fields.startswith(b"Feedback-Type: abuse\r\n")


@pytest.mark.parametrize("kind", ["not-spam", "auth-failure", "virus", "other", ""])
def test_what_is_no_complaint(kind: str) -> None:
    body = ARF.replace("abuse", kind)
    assert report_read.read(report("feedback-report", ("message/feedback-report", body))) is None


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        HEAD,
        report("delivery-status"),
        report("delivery-status", ("message/delivery-status", "")),
        report("delivery-status", ("message/delivery-status", STATUS.replace("Failed", "relayed"))),
        report("disposition-notification", ("message/disposition-notification", "A: b")),
        report("delivery-status", ("message/delivery-status", STATUS)).replace(b"report;", b"mixed;", 1),
    ],
)  # fmt: skip
def test_what_is_no_report(octets: bytes) -> None:
    assert report_read.read(octets) is None


def test_a_report_is_as_long_as_is_read() -> None:
    many = "\r\n".join(
        f"Final-Recipient: rfc822; {n}@x.test\r\nAction: failed\r\n" for n in range(900)
    )
    octets = report(
        "delivery-status", ("message/delivery-status", f"Reporting-MTA: dns; a\r\n\r\n{many}")
    )
    found = report_read.read(octets)
    assert found is not None
    assert len(found.failed) == report_read.MAX_RECIPIENTS
    assert report_read.read(octets + b" " * report_read.MAX_SIZE) is None


def test_our_own_notices_are_read() -> None:
    one = ReportedRecipient(
        final="bob@example.net", action="failed", status="5.1.1", remote_mta="mx.example.net",
        diagnostic="550 5.1.1 No such user",
    )  # fmt: skip
    octets = dsn.compose(
        Report(
            kind="failed", reporting_mta="mx.example.org", postmaster="postmaster@example.org",
            to="ann@example.org", recipients=(one,), head=HEAD, message_id="2@x", date=0,
        )
    )  # fmt: skip
    found = report_read.read(octets)
    assert found is not None
    assert found.failed == (Failed("bob@example.net", "", "5.1.1", "550 5.1.1 No such user"),)
    assert found.head.startswith(b"From: ann@example.org\r\n")


@given(
    st.binary(max_size=300), st.sampled_from([STATUS.encode(), ARF.encode()]), st.integers(0, 200)
)
def test_nothing_raises(noise: bytes, body: bytes, at: int) -> None:
    for kind in ("delivery-status", "feedback-report"):
        whole = report(kind, (f"message/{kind}", body.decode()), ("message/rfc822", HEAD.decode()))
        report_read.read(whole[:-at] + noise + whole[-at:])
        report_read.read(noise)
