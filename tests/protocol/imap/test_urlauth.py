"""URLs with an authorization."""

import pytest
from hypothesis import given, strategies as st

from postroom.protocol.imap.fetch import Section
from postroom.protocol.imap.urlauth import (
    Access,
    AuthorizedUrl,
    authorized,
    is_genuine,
    parse_authorized,
)
from postroom.protocol.imap.urls import MAX_URL, BadUrl, MessageUrl

RUMP = b"imap://joe%40x.org@host:143/In%20box;UIDVALIDITY=3/;uid=20/;section=1.2"
MESSAGE = MessageUrl("In box", 3, 20, Section((1, 2)))


def test_reads_every_part() -> None:
    rump = RUMP + b";EXPIRE=2026-01-02T03:04:05.5+01:00;URLAUTH=Submit+%C3%BC"
    assert parse_authorized(rump + b":INTERNAL:" + b"0A" * 16) == AuthorizedUrl(
        rump,
        "joe@x.org",
        MESSAGE,
        "In box",
        "submit+",
        "ü",
        1767319445000,
        "INTERNAL",
        b"0a" * 16,
    )


@pytest.mark.parametrize(
    ("access", "kind", "name"),
    [
        (b"authuser", "authuser", ""),
        (b"ANONYMOUS", "anonymous", ""),
        (b"user+a%40b", "user+", "a@b"),
    ],
)
def test_reads_what_is_to_be_signed(access: bytes, kind: Access, name: str) -> None:
    rump = RUMP + b";urlauth=" + access
    assert parse_authorized(rump) == AuthorizedUrl(rump, "joe@x.org", MESSAGE, "In box", kind, name)


@pytest.mark.parametrize(
    "url",
    [
        b"",
        RUMP,
        RUMP + b";URLAUTH=nobody",
        RUMP + b";URLAUTH=user+",
        RUMP + b";URLAUTH=authuser+x",
        RUMP + b";URLAUTH=authuser:internal",
        RUMP + b";URLAUTH=authuser:internal:0a",
        RUMP + b";URLAUTH=authuser:internal:" + b"xy" * 16,
        RUMP + b";EXPIRE=2026-13-02T03:04:05Z;URLAUTH=authuser",
        RUMP + b";EXPIRE=20260102T030405.000000Z;URLAUTH=authuser",
        RUMP + b";EXPIRE=tomorrow;URLAUTH=authuser",
        RUMP + b";URLAUTH=user+%ff",
        b"imap://host/INBOX/;UID=1;URLAUTH=authuser",
        b"imap://joe@/INBOX/;UID=1;URLAUTH=authuser",
        b"imap://joe@host/;UID=1;URLAUTH=authuser",
        b"imap://joe@host/INBOX;URLAUTH=authuser",
        b"http://joe@host/INBOX/;UID=1;URLAUTH=authuser",
        b"/INBOX/;UID=1;URLAUTH=authuser",
        b"imap://joe@host/INBOX/;UID=1\r\n;URLAUTH=authuser",
        RUMP + b";URLAUTH=user+" + b"x" * MAX_URL,
    ],
)
def test_refuses(url: bytes) -> None:
    with pytest.raises(BadUrl):
        parse_authorized(url)


def test_the_proof_is_of_this_rump_and_this_key() -> None:
    rump = RUMP + b";URLAUTH=authuser"
    made = authorized(rump, b"key")
    assert is_genuine(parse_authorized(made), b"key")
    assert not is_genuine(parse_authorized(made), b"other key")
    assert not is_genuine(parse_authorized(made.replace(b"uid=20", b"uid=21")), b"key")
    assert not is_genuine(parse_authorized(made.replace(b"internal", b"XSAMPLE")), b"key")
    assert not is_genuine(parse_authorized(rump), b"key")


@given(st.text(st.sampled_from("imap:/@;=UIDEXPRLATHuser+1%40 \r\n"), max_size=80))
def test_nothing_else_is_raised(text: str) -> None:
    for url in (text.encode(), RUMP + b";" + text.encode(), b"imap://j@h" + text.encode()):
        try:
            parse_authorized(url)
        except BadUrl:
            pass
