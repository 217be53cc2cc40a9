"""Journal reports: what stands in them, and that they are known again."""

import email
import email.policy

import msgspec
import pytest
from hypothesis import given, strategies as st

from postroom.message import journal
from postroom.message.journal import Report, closing, head, is_own, opening

KEY = b"k" * 32
HEAD = b"Received: from a by b; x\r\nReceived: from c\r\n\tby d; y\r\nSubject: Hi\r\n\r\n"
REPORT = Report(
    speaker="postmaster@local.test",
    to="archive@vault.test",
    ident="0AB",
    sender="ann@client.example",
    recipients=("bob@local.test", "blind@local.test"),
    at=1_790_000_000_000,
    queue_id="0AA",
    message_id="1@client.example",
    subject="Hi",
    head=HEAD,
    is_ascii=True,
)


def whole(report: Report, message: bytes) -> bytes:
    return head(report, KEY) + opening(report, KEY) + message + closing(report, KEY)


def test_a_report_is_the_envelope_and_the_message() -> None:
    octets = whole(REPORT, HEAD + b"Hello.\r\n")
    read = email.message_from_bytes(octets, policy=email.policy.default)
    assert read["From"] == "postmaster@local.test"
    assert read["To"] == "archive@vault.test"
    assert read["Subject"] == "Hi"
    assert read["Auto-Submitted"] == "auto-generated"
    assert read["X-MS-Journal-Report"] == ""
    assert read["Message-ID"] == "<0AB@local.test>"
    assert [one.split()[1] for one in read.get_all("Received", [])] == ["a", "c"]
    assert read.defects == []
    text, inner = read.iter_parts()
    assert text.get_content().splitlines() == [
        "Sender: ann@client.example",
        "Subject: Hi",
        "Message-Id: <1@client.example>",
        "Recipient: bob@local.test",
        "Recipient: blind@local.test",
        "Date: Mon, 21 Sep 2026 14:13:20 +0000",
        "Queue-Id: 0AA",
    ]
    assert inner.get_content_type() == "message/rfc822"
    assert octets.count(HEAD + b"Hello.\r\n") == 1


def test_what_is_not_ascii_is_said_to_be_8bit() -> None:
    report = msgspec.structs.replace(REPORT, is_ascii=False, subject="Grüße", sender="")
    octets = whole(report, HEAD + "Grüße\r\n".encode())
    read = email.message_from_bytes(octets, policy=email.policy.default)
    assert read["Content-Transfer-Encoding"] == "8bit"
    assert read["Subject"] == "Grüße"
    text, inner = read.iter_parts()
    assert text.get_content().splitlines()[:2] == ["Sender: <>", "Subject: Grüße"]
    assert inner["Content-Transfer-Encoding"] == "8bit"


def test_only_what_the_key_has_signed_is_own() -> None:
    assert is_own(head(REPORT, KEY), KEY)
    assert not is_own(head(REPORT, KEY), b"o" * 32)
    assert not is_own(head(REPORT, KEY).replace(b"<0AB@", b"<0AC@"), KEY)
    assert not is_own(b"X-MS-Journal-Report:\r\n\r\n", KEY)
    mark = head(REPORT, KEY)
    assert not is_own(b"Message-ID: <other@x>\r\n" + mark, KEY)


@pytest.mark.parametrize("name", ["subject", "sender", "message_id"])
@given(text=st.text(max_size=200))
def test_no_text_makes_a_line_of_its_own(name: str, text: str) -> None:
    report = msgspec.structs.replace(REPORT, **{name: text})
    plain = journal.opening(REPORT, KEY)
    assert opening(report, KEY).count(b"\r\n") == plain.count(b"\r\n")
    assert b"\n" not in opening(report, KEY).replace(b"\r\n", b"")
    assert b"\n" not in head(report, KEY).replace(b"\r\n", b"")
