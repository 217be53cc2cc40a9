"""The lines that we put on a message."""

from postroom.db.ids import to_text
from postroom.intake import stamp
from postroom.intake.peer import Peer
from postroom.intake.stamp import Session
from tests.fakes import START

IDENT = 5 << 21


def made(session: Session, recipient: str | None = None, *, smtputf8: bool = False) -> bytes:
    line = stamp.received(session, IDENT, START, recipient=recipient, smtputf8=smtputf8)
    assert line.endswith(b"\r\n")
    return line.replace(b"\r\n\t", b" ").removesuffix(b"\r\n")


def test_received_says_how_it_came() -> None:
    end = f"id {to_text(IDENT)}; Mon, 21 Sep 2026 14:13:20 +0000".encode()
    plain = Session(Peer("s", "192.0.2.1", 1, "smtp"), "mx.local.test", "client")
    assert made(plain) == (
        b"Received: from client ([192.0.2.1]) by mx.local.test with ESMTP " + end
    )
    plain.host = "mx.client.example"
    assert b"from client (mx.client.example [192.0.2.1]) by" in made(plain)
    plain.is_esmtp = False
    assert b" with SMTP id" in made(plain)
    secret = Session(
        Peer("s", "2001:db8::1", 1, "submission", tls="TLSv1.3 AES"), "mx", "", authenticated=True
    )
    assert b"from unknown ([IPv6:2001:db8::1])" in made(secret)
    assert b"with ESMTPSA (TLSv1.3 AES) id" in made(secret)
    assert b"with UTF8SMTPSA" in made(secret, smtputf8=True)
    assert b" for <bob@local.test>;" in made(secret, "bob@local.test")
    lmtp = Session(Peer("s", "127.0.0.1", 1, "lmtp"), "mx", "mta")
    assert b"with LMTP id" in made(lmtp)


def test_what_the_peer_says_stays_in_its_place() -> None:
    peer = Peer("s", "192.0.2.1", 1, "smtp")
    forged = Session(peer, "mx", "x)\r\nReceived: from y (z; ")
    assert made(forged).count(b"Received:") in {1, 2}
    assert b"\r" not in made(forged)
    assert b"\n" not in made(forged)


def test_prefix() -> None:
    assert stamp.prefix("", "bob@local.test") == (
        b"Return-Path: <>\r\nDelivered-To: bob@local.test\r\n"
    )
    assert stamp.prefix("a@b", "c@d").startswith(b"Return-Path: <a@b>\r\n")
