"""Sort keys of a header block."""

import pytest
from hypothesis import given, strategies as st

from postroom.message.casemap import casemap
from postroom.message.sort_keys import MAX_TEXT, SortKeys, sort_keys, unpack


def head(*lines: str) -> bytes:
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode()


def test_every_key() -> None:
    keys = sort_keys(
        head(
            "Date: Mon, 1 Jan 2001 00:01:33 +0100",
            "Subject: =?utf-8?q?Re=3A_Gr=C3=BC=C3=9Fe?= (fwd)",
            'From: "Smith, Joe" <joe.smith@example.org>, Ann <ann@example.org>',
            "To: list@example.org, bob@example.org",
            "Cc: Carol <CAROL@example.org>",
            'Message-ID: <"own"@example.org>',
            "References: <root@example.org> <parent@example.org>",
            "In-Reply-To: <other@example.org>",
        )
    )
    assert keys.sent == 978_303_693_000
    assert keys.subject == casemap("grüße")
    assert keys.is_reply
    assert (keys.author, keys.shown_author) == ("JOE.SMITH", "SMITH, JOE")
    assert (keys.recipient, keys.shown_recipient) == ("LIST", "LIST@EXAMPLE.ORG")
    assert keys.copied == "CAROL"
    plain = sort_keys(head("Message-ID: <own@example.org>", "In-Reply-To: <parent@example.org>"))
    assert plain.ident == keys.ident != 0
    ancestors = unpack(keys.ancestors)
    assert len(ancestors) == 2
    assert unpack(plain.ancestors) == ancestors[1:]


def test_nothing_there() -> None:
    assert sort_keys(b"\r\n") == sort_keys(b"") == SortKeys()
    assert unpack(b"") == ()


@pytest.mark.parametrize(
    ("date", "sent"),
    [
        ("1 Jan 1970 00:00:01 +0000", 1000),
        ("31 Dec 2000 16:01:33 -0800", 978_307_293_000),
        ("1 Jan 1970 00:00:01 NOZONE", 1000),  # as UTC
        ("2 Jan 1970 25:61:00 +0900", 86_400_000),  # no such time: the day
        ("Fri, 2 Jan 1970", 86_400_000),
        ("32 Jan 1970 00:00:01 +0000", None),
        ("2 Foo 1970", None),
        ("yesterday", None),
    ],
)
def test_sent_dates(date: str, sent: int | None) -> None:
    """RFC 5256 §2.2."""
    assert sort_keys(head(f"Date: {date}")).sent == sent


@pytest.mark.parametrize(
    ("author", "mailbox", "shown"),
    [
        ("joe@example.org", "JOE", "JOE@EXAMPLE.ORG"),
        ("=?utf-8?q?=C3=A9?= <e@x>", "E", "E\u0301"),
        ('"" <e@x>', "E", "E@X"),
        ("Team: joe@example.org, ann@example.org;", "TEAM", "TEAM"),
        ("undisclosed-recipients:;", "UNDISCLOSED-RECIPIENTS", "UNDISCLOSED-RECIPIENTS"),
        ("", "", ""),
    ],
)
def test_addresses_are_those_of_the_envelope(author: str, mailbox: str, shown: str) -> None:
    keys = sort_keys(head(f"From: {author}", f"To: {author}", f"Cc: {author}"))
    assert keys.author == keys.recipient == keys.copied == mailbox
    assert keys.shown_author == keys.shown_recipient == shown


def test_long_texts_are_bounded_and_still_differ() -> None:
    one = sort_keys(head("Subject: " + "ä" * 5000 + "x")).subject
    two = sort_keys(head("Subject: " + "ä" * 5000 + "y")).subject
    assert len(one) == len(two) == MAX_TEXT + 33
    assert one != two
    assert one[:MAX_TEXT] == two[:MAX_TEXT] == casemap("ä" * 5000)[:MAX_TEXT]


@given(st.binary(max_size=60), st.sampled_from([b"Subject", b"From", b"To", b"Message-ID"]))
def test_texts_can_be_kept(value: bytes, name: bytes) -> None:
    keys = sort_keys(name + b": " + value + b"\r\n\r\n")
    for text in (keys.subject, keys.author, keys.shown_author, keys.recipient):
        assert "\0" not in text
        assert text.encode("utf-8").decode("utf-8") == text
    assert -(2**63) <= keys.ident < 2**63


def test_halves_of_surrogates_are_replaced() -> None:
    assert sort_keys(head("Subject: =?utf-7?q?+2AA-x?=")).subject.encode("utf-8")
