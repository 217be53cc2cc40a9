"""What a header says."""

import pytest
from hypothesis import given, strategies as st

from postroom.message import headers
from postroom.message.scan import scan
from postroom.policy import features

HEAD = (
    b"From: Ann <ann@client.example>\r\nTo: bob@here.example\r\n"
    b"Date: Mon, 21 Sep 2026 14:13:20 +0000\r\nMessage-ID: <20260921.aB@client.example>\r\n"
    b"Subject: Lunch\r\n"
)


def marks(extra: bytes = b"", without: bytes = b"") -> set[str]:
    head = headers.strip(HEAD, [without]) + extra + b"\r\n"
    return set(features.marks(features.values(head), scan(head + b"text\r\n")))


def test_an_ordinary_letter() -> None:
    assert marks() == {
        "from:tld:example", "to:1", "id:own", "id:shape:0.aA", "mailer:none",
        "type:text/plain", "charset:us-ascii",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("field", "found"),
    [
        (b"In-Reply-To: <a@b>", "is:answer"),
        (b"List-Unsubscribe: <mailto:x@y>", "has:list-unsubscribe"),
        (b"X-Priority: 1 (Highest)", "x-priority:1 (highest)"),
        (b"Reply-To: eve@elsewhere.example", "reply-to:elsewhere"),
        (b"Reply-To: ann@mail.client.example", "reply-to:same"),
        (b"Date: Mon, 21 Sep 2026 14:13:21 +0000", "several:date"),
        (b"X-Mailer: Outlook Express 6.0", "mailer:outlook"),
        (b"Cc: c@client.example", "to:own-domain"),
        (b"Cc: " + b", ".join(b"c%d@d.example" % n for n in range(50)), "to:many"),
        (b'Content-Type: application/zip; name="a.zip"', "attached:zip"),
        (b"Content-Disposition: attachment; filename=invoice.pdf.exe", "attached:disguised"),
        (b"Content-Transfer-Encoding: base64", "encoding:base64:text/plain"),
    ],
)
def test_a_field_that_is_added(field: bytes, found: str) -> None:
    assert found not in marks()
    assert found in marks(field + b"\r\n")


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        (b"from", b"ann@client.example", "from:no-name"),
        (b"from", b'"service@bank.example" <x12345@evil.example>', "from:address-as-name"),
        (b"from", b'"service@bank.example" <x12345@evil.example>', "from:digits"),
        (b"from", b"", "from:nobody"),
        (b"to", b"undisclosed-recipients:;", "to:undisclosed"),
        (b"subject", b"FREE MONEY!!", "subject:upper"),
        (b"subject", b"FREE MONEY!!", "subject:!!"),
        (b"subject", b"=?utf-8?q?Gr=C3=B6=C3=9Fe?=", "subject:not-ascii"),
        (b"subject", b"Hello      xkdjf", "subject:gap"),
        (b"subject", b"Re: Lunch", "subject:re"),
        (b"date", b"yesterday", "date:malformed"),
        (b"message-id", b"<a@other.example>", "id:elsewhere"),
        (b"message-id", b"<abc@host>", "id:no-domain"),
        (b"message-id", b"abc", "id:malformed"),
    ],
)
def test_a_field_that_is_other(name: bytes, value: bytes, found: str) -> None:
    assert found not in marks()
    assert found in marks(name + b": " + value + b"\r\n", without=name)


@pytest.mark.parametrize("name", [b"from", b"date", b"message-id", b"to", b"subject"])
def test_a_field_that_lacks(name: bytes) -> None:
    assert f"no:{name.decode()}" in marks(without=name)


def test_no_claimed_name_or_address_is_a_mark() -> None:
    assert not [mark for mark in marks() if "ann" in mark or "client" in mark or "bob" in mark]


@pytest.mark.parametrize(
    "value", [b",".join([b"a@b.example"] * 50_000), b'"' * 50_000, b"(" * 9_000]
)
def test_monstrous_addresses(value: bytes) -> None:
    marks(b"To: " + value + b"\r\n", without=b"to")
    marks(b"From: " + value + b"\r\n", without=b"from")


@given(st.binary(max_size=300))
def test_nothing_raises(octets: bytes) -> None:
    for head in (octets, b"From: " + octets, b"Message-ID: " + octets, b"Subject: " + octets):
        list(features.marks(features.values(head), scan(head)))
