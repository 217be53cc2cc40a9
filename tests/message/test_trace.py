import pytest
from hypothesis import given, strategies as st

from postroom.message import headers, trace
from postroom.message.trace import Client, received, strip_own
from tests.message import letters

DATE = "Mon, 12 Oct 2026 09:59:58 +0000"


def _received(client: Client, recipient: str | None = None) -> bytes:
    return received(
        client, by="mx.example.com", protocol="ESMTP", ident="1a", date=DATE, recipient=recipient
    )


def test_received() -> None:
    client = Client("client.example", "192.0.2.1", "host.example")
    assert received(
        client,
        by="mx.example.com",
        protocol="ESMTPS",
        ident="1a2b3c",
        date=DATE,
        tls="TLSv1.3 cipher TLS_AES_256_GCM_SHA384",
        recipient="bob@example.com",
    ) == (
        b"Received: from client.example (host.example [192.0.2.1]) by mx.example.com\r\n"
        b"\twith ESMTPS (TLSv1.3 cipher TLS_AES_256_GCM_SHA384) id 1a2b3c\r\n"
        b"\tfor <bob@example.com>; Mon, 12 Oct 2026 09:59:58 +0000\r\n"
    )


def test_received_with_little() -> None:
    assert _received(Client("", "2001:db8::1%eth0")) == (
        b"Received: from unknown ([IPv6:2001:db8::1]) by mx.example.com with ESMTP\r\n"
        b"\tid 1a; Mon, 12 Oct 2026 09:59:58 +0000\r\n"
    )


@pytest.mark.parametrize(
    ("helo", "written"),
    [
        (b"[192.0.2.9]", b"[192.0.2.9]"),
        (b"a\r\nBcc: x", b"a?Bcc:?x"),
        (b"a) by evil (b", b"a?by?evil?b"),
        (b"a; date", b"a?date"),
        (b"a\\", b"a?"),
        (b"\0", b"?"),
        ("m\u00fcller.example".encode(), "m\u00fcller.example".encode()),
        (b"x" * 1000, b"x" * 255),
    ],
)
def test_what_a_peer_says_stays_a_word(helo: bytes, written: bytes) -> None:
    line = _received(Client(helo.decode(), "192.0.2.1"))
    words = headers.unfold(line).split()
    assert words[2] == written
    assert line.count(b";") == 1


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ({"tls": False, "authenticated": False, "esmtp": False}, "SMTP"),
        ({"tls": False, "authenticated": False}, "ESMTP"),
        ({"tls": True, "authenticated": False}, "ESMTPS"),
        ({"tls": False, "authenticated": True}, "ESMTPA"),
        ({"tls": True, "authenticated": True}, "ESMTPSA"),
        ({"tls": True, "authenticated": True, "utf8": True}, "UTF8SMTPSA"),
        ({"tls": False, "authenticated": False, "lmtp": True}, "LMTP"),
        ({"tls": True, "authenticated": True, "lmtp": True}, "LMTPSA"),
        ({"tls": True, "authenticated": False, "lmtp": True, "utf8": True}, "UTF8LMTPS"),
    ],
)
def test_protocol_names(said: dict[str, bool], name: str) -> None:
    """RFC 3848, RFC 6531 §4.3; the IANA registry of mail transmission types."""
    assert trace.protocol_name(**said) == name


def test_return_path_and_delivered_to() -> None:
    assert trace.return_path("") == b"Return-Path: <>\r\n"
    assert trace.return_path("a@b") == b"Return-Path: <a@b>\r\n"
    assert trace.return_path("a\r\nX: y@b") == b"Return-Path: <a?X: y@b>\r\n"
    assert trace.delivered_to("é@b") == "Delivered-To: é@b\r\n".encode()


def test_count_received() -> None:
    assert trace.count_received(b"Subject: Received: x\r\n\r\n") == 0
    head = b"RECEIVED: a\r\nX-Received: b\r\nreceived: c\r\n\r\n"
    assert trace.count_received(head) == 2


def test_delivered_addresses() -> None:
    assert trace.delivered_addresses(b"Subject: x\r\n\r\n") == []
    head = b"Delivered-To: a@b\r\ndelivered-to:  <c@d>\r\n\r\n"
    assert trace.delivered_addresses(head) == ["a@b", "c@d"]


@pytest.mark.parametrize(
    "field",
    [
        b"Return-Path: <x@y>\r\n",
        b"return-PATH : <x@y>\r\n",
        b"Authentication-Results: mx.example.com; spf=pass\r\n",
        b"authentication-results:MX.Example.COM;spf=pass\r\n",
        b"Authentication-Results : mx.example.com. ; none\r\n",
        b"Authentication-Results:\r\n\tmx.example.com;\r\n\tspf=pass\r\n",
        b"Authentication-Results: (c) (d (e) f) mx.example.com 1; none\r\n",
        b"Authentication-Results: (a\r\n b) mx.example.com(x)1; none\r\n",
        b'Authentication-Results: "mx.example.com"; none\r\n',
        b'Authentication-Results: "mx\\.example.com"; none\r\n',
        b"Authentication-Results: mx.example.com\r\n",
        b"Authentication-Results: mx.example.com spf=pass\r\n",
        b"Authentication-Results: mx (x) . example.com; none\r\n",
        b"Authentication-Results: \0mx.example.com; none\r\n",
        b"Authentication-Results: mx.example.com1; none\r\n",
        b"Authentication-Results: mx.example.com/1; none\r\n",
        b"Authentication-Results: mx.example.com:25; none\r\n",
        b"Authentication-Results: mx.example.com, other.example; none\r\n",
        b"Authentication-Results: \xc2\xa0mx.example.com; none\r\n",
        b"Authentication-Results: 'mx.example.com'=; none\r\n",
    ],
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_forged_fields_go(field: bytes, place: int) -> None:
    """A11."""
    others = [b"Received: by x\r\n", b"Delivered-To: a@b\r\n"]
    lines = [*others[:place], field, *others[place:]]
    assert strip_own(b"".join(lines) + b"\r\n", "mx.example.com") == b"".join(others) + b"\r\n"


@pytest.mark.parametrize(
    "field",
    [
        b"Authentication-Results: other.example; spf=pass smtp.helo=mx.example.com\r\n",
        b"Authentication-Results: mx.example.com.evil.example; none\r\n",
        b"Authentication-Results: ; mx.example.com\r\n",
        b"Authentication-Results:\r\n",
        b"X-Authentication-Results: mx.example.com; none\r\n",
        b"ARC-Authentication-Results: i=1; mx.example.com; none\r\n",
        b"Subject: Return-Path: and Authentication-Results: mx.example.com\r\n",
    ],
)
def test_fields_of_others_stay(field: bytes) -> None:
    head = field + b"Subject: x\r\n\r\n"
    assert strip_own(head, "mx.example.com") == head


def test_nothing_to_strip_costs_nothing() -> None:
    head = b"Subject: x\r\n\r\n"
    assert strip_own(head, "mx.example.com") is head


@pytest.mark.parametrize(
    "field",
    [
        b"X-Spam-Flag: NO\r\n",
        b"x-spam-status : No, score=-9\r\n tests=none\r\n",
        b"X-SPAM-SCORE: -9\r\n",
        b"X-Sieve-Error: none\r\n",
    ],
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_marks_of_others_go_where_ours_are_put(field: bytes, place: int) -> None:
    others = [b"X-Spam-Level: *\r\n", b"Subject: x-spam-flag\r\n"]
    lines = [*others[:place], field, *others[place:]]
    head = b"".join(lines) + b"\r\n"
    assert strip_own(head, "mx.example.com", is_judged=True) == b"".join(others) + b"\r\n"
    assert strip_own(head, "mx.example.com") == head
    both = b"Return-Path: <x@y>\r\n" + head
    assert strip_own(both, "mx", is_judged=True) == b"".join(others) + b"\r\n"


@given(letters.octets)
def test_any_octets(octets: bytes) -> None:
    trace.count_received(octets)
    trace.delivered_addresses(b"Delivered-To: " + octets)
    strip_own(b"Authentication-Results: " + octets, "mx")


@given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=300))
def test_any_text_makes_one_field(helo: str, host: str, recipient: str) -> None:
    for line in (
        _received(Client(helo, "192.0.2.1", host), recipient),
        trace.return_path(recipient),
        trace.delivered_to(recipient),
    ):
        found = list(headers.fields(line))
        assert [(field.start, field.end) for field in found] == [(0, len(line))]
        assert all(len(part) <= 998 for part in line.split(b"\r\n"))
        assert line.count(b"\n") == line.count(b"\r") == line.count(b"\r\n")


def test_why_a_message_is_junk_stays_one_field() -> None:
    octets = trace.junk("spam: (a\\b)\r\nBcc: caf\u00e9 " + "x" * 2000, -1.25)
    flag, _, rest = octets.partition(b"\r\n")
    assert flag == b"X-Spam-Flag: YES"
    assert rest.startswith(b"X-Spam-Status: Yes, score=-1.2 (spam: [a/b]??Bcc: caf?\r\n\tx")
    lines = rest.split(b"\r\n")
    assert lines.pop() == b""
    assert all(line.startswith(b"\t") and len(line) <= 80 for line in lines[1:])
    assert octets.endswith(b"x)\r\n")
    assert b"(no reason)" in trace.junk("", 0)
