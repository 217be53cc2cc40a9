"""Dialogues, each whole and octet by octet; the rest stands in the files beside."""

from collections.abc import Callable
from typing import Literal

import msgspec
import pytest

from postroom.protocol.sasl.client import Credentials, start
from postroom.protocol.smtp.client import ClientSession
from postroom.protocol.smtp.client_commands import UnsafeArgument
from postroom.protocol.smtp.client_content import UnsafeContent
from postroom.protocol.smtp.client_envelope import NO_REQUIRETLS, NO_SMTPUTF8, TOO_BIG
from postroom.protocol.smtp.client_events import (
    Authenticated,
    AuthenticationFailed,
    BeginTls,
    Closing,
    Greeted,
    Ready,
    Refused,
    StartContent,
    TlsRefused,
)
from postroom.protocol.smtp.client_replies import ServerFault, ServerReply
from postroom.protocol.smtp.client_states import Phase, Wait
from postroom.protocol.smtp.client_transaction import Recipient, Transaction, TransactionDone
from postroom.protocol.smtp.extensions import Extensions
from tests.protocol.smtp.client_driver import ALL, BODY, STUFFED, Wire, codes, greeted, letter

Maker = Callable[..., Wire]
REFUSED = ServerReply(550, "5.7.1", ("No",))


@pytest.fixture(params=[False, True], ids=["whole", "octets"])
def wire_of(request: pytest.FixtureRequest) -> Maker:
    """A new wire that hears all at once, or octet by octet."""

    def make(dialect: Literal["SMTP", "LMTP"] = "SMTP") -> Wire:
        return Wire(dialect, is_cut=request.param)

    return make


def test_the_greeting_and_ehlo(wire_of: Maker) -> None:
    wire = wire_of()
    assert wire.session.waits_for is Wait.GREETING
    (event,) = wire.hears("220-mx.test ESMTP", "220 welcome")
    assert event == Greeted(ServerReply(220, "", ("mx.test ESMTP", "welcome")))
    assert wire.says() == b""
    wire.session.hello()
    assert wire.says() == b"EHLO c.test\r\n"
    (event,) = wire.hears("250-mx.test hello", "250-PIPELINING", "250 SIZE 7")
    assert event == Ready(Extensions(name="mx.test", pipelining=True, size=7))
    assert wire.session.is_idle
    assert wire.session.can_send
    assert wire.session.waits_for is None


def test_helo_where_ehlo_is_not_known(wire_of: Maker) -> None:
    wire = wire_of()
    wire.hears("220 mx.test")
    wire.session.hello()
    wire.says()
    assert wire.hears("502 5.5.1 What?") == []
    assert wire.says() == b"HELO c.test\r\n"
    assert wire.hears("250-mx.test", "250 PIPELINING") == [Ready(Extensions(name="mx.test"))]
    assert not wire.session.extensions.pipelining


@pytest.mark.parametrize("replies", [("450 4.7.1 Not now",), ("550 No", "550 5.7.1 No")])
def test_a_server_that_refuses_the_greeting_of_ours(
    wire_of: Maker, replies: tuple[str, ...]
) -> None:
    wire = wire_of()
    wire.hears("220 mx.test")
    wire.session.hello()
    *none, last = [wire.hears(line) for line in replies]
    assert not any(none)
    assert isinstance(last[0], Refused)
    wire.says()
    with pytest.raises(RuntimeError):
        wire.session.send(letter())
    wire.session.quit()
    assert wire.says() == b"QUIT\r\n"


@pytest.mark.parametrize("line", ["554 5.7.1 Go away", "450 Busy"])
def test_a_server_that_does_not_want_us(wire_of: Maker, line: str) -> None:
    wire = wire_of()
    (event,) = wire.hears(line)
    assert isinstance(event, Refused)
    with pytest.raises(RuntimeError):
        wire.session.hello()
    wire.session.quit()
    assert wire.hears("221 Bye") == [Closing(ServerReply(221, "", ("Bye",)))]
    assert wire.session.is_closed


def test_a_message_line_by_line(wire_of: Maker) -> None:
    """Without PIPELINING nothing is said before its time."""
    wire = greeted(wire_of())
    wire.session.send(letter(b"bob@mx.test", b"nobody@mx.test"))
    assert wire.says() == b"MAIL FROM:<a@c.test>\r\n"
    assert wire.hears("250 OK") == []
    assert wire.says() == b"RCPT TO:<bob@mx.test>\r\n"
    assert wire.hears("250 OK") == []
    assert wire.says() == b"RCPT TO:<nobody@mx.test>\r\n"
    assert wire.hears("550 5.1.1 Nobody") == []
    assert wire.says() == b"DATA\r\n"
    (event,) = wire.hears("354 Go on")
    assert isinstance(event, StartContent)
    wire.session.content(BODY[:15])
    wire.session.content(BODY[15:])
    wire.session.end_content()
    assert wire.says() == STUFFED
    assert not wire.session.can_send
    done = wire.done("250 2.0.0 Queued as 7")
    assert codes(done) == [250, 550]
    assert done.outcomes()[0] == ServerReply(250, "2.0.0", ("Queued as 7",))
    assert done.sender_reply == ServerReply(250, "", ("OK",))
    assert len(done.recipient_replies) == 2
    assert len(done.final) == 1
    assert wire.session.is_idle


def test_what_the_server_must_answer_is_told(wire_of: Maker) -> None:
    """In the order in which RFC 5321 §4.5.3.2 lists its time limits."""
    wire = wire_of()
    seen = [wire.session.waits_for]
    greeted(wire, *ALL)
    wire.session.send(letter(), BODY, allow_chunking=False)
    for line in ("250 OK", "250 OK", "354 Go on", "250 OK"):
        seen.append(wire.session.waits_for)
        wire.hears(line)
    seen.append(wire.session.waits_for)
    assert seen == [Wait.GREETING, Wait.MAIL, Wait.RCPT, Wait.DATA, Wait.END, None]


def test_a_message_in_a_group(wire_of: Maker) -> None:
    wire = greeted(wire_of(), *ALL)
    wire.session.send(letter(b"bob@mx.test", b"nobody@mx.test", size=27))
    assert wire.says() == (
        b"MAIL FROM:<a@c.test> SIZE=27\r\nRCPT TO:<bob@mx.test>\r\n"
        b"RCPT TO:<nobody@mx.test>\r\nDATA\r\n"
    )
    (event,) = wire.hears("250 2.1.0 OK", "250 2.1.5 OK", "550 5.1.1 Nobody", "354 Go on")
    assert isinstance(event, StartContent)
    wire.session.content(BODY)
    wire.session.end_content()
    assert wire.says() == STUFFED
    assert codes(wire.done("451 4.3.0 Disk")) == [451, 550]
    assert wire.session.can_send


def test_a_message_as_one_chunk(wire_of: Maker) -> None:
    wire = greeted(wire_of(), *ALL)
    wire.session.send(letter(), BODY)
    assert wire.says() == (
        b"MAIL FROM:<a@c.test>\r\nRCPT TO:<bob@mx.test>\r\nBDAT %d LAST\r\n%b" % (len(BODY), BODY)
    )
    assert codes(wire.done("250 OK", "250 OK", "250 2.0.0 Queued")) == [250]


def test_a_chunk_line_by_line(wire_of: Maker) -> None:
    wire = greeted(wire_of(), "CHUNKING")
    wire.session.send(letter(), BODY)
    assert wire.says() == b"MAIL FROM:<a@c.test>\r\n"
    wire.hears("250 OK")
    assert wire.says() == b"RCPT TO:<bob@mx.test>\r\n"
    wire.hears("250 OK")
    assert wire.says() == b"BDAT %d LAST\r\n%b" % (len(BODY), BODY)
    assert codes(wire.done("250 OK")) == [250]


@pytest.mark.parametrize("why", ["not offered", "not allowed", "too large"])
def test_a_message_given_beforehand_goes_by_data_else(wire_of: Maker, why: str) -> None:
    wire = greeted(wire_of(), *(["PIPELINING"] if why == "not offered" else ALL))
    body = BODY + b"x" * 65_536 if why == "too large" else BODY
    wire.session.send(letter(), body, allow_chunking=why != "not allowed")
    assert wire.says() == b"MAIL FROM:<a@c.test>\r\nRCPT TO:<bob@mx.test>\r\nDATA\r\n"
    seen = [wire.session.can_send]
    assert wire.hears("250 OK", "250 OK", "354 Go on") == []
    said = wire.says()
    assert said == (STUFFED if body is BODY else STUFFED[:-3] + b"x" * 65_536 + b"\r\n.\r\n")
    seen.append(wire.session.can_send)
    assert seen == [False, True]
    assert codes(wire.done("250 OK")) == [250]


def test_lmtp_answers_for_each_recipient(wire_of: Maker) -> None:
    wire = greeted(wire_of("LMTP"), *ALL)
    wire.session.send(letter(b"a@x", b"b@x", b"c@x"), BODY)
    assert wire.says().endswith(b"DATA\r\n")  # never a chunk
    assert wire.hears("250 OK", "250 OK", "550 No", "250 OK", "354 Go on") == []
    assert wire.says() == STUFFED
    assert wire.hears("250 2.0.0 One") == []
    done = wire.done("452 4.2.2 Two")
    assert codes(done) == [250, 550, 452]
    assert len(done.final) == 2
    assert wire.session.is_idle


def test_lhlo_has_no_elder_form(wire_of: Maker) -> None:
    wire = wire_of("LMTP")
    wire.hears("220 mx.test")
    wire.session.hello()
    assert wire.says() == b"LHLO c.test\r\n"
    assert isinstance(wire.hears("500 What?")[0], Refused)


def test_what_the_server_has_not_got_is_refused_without_a_word(wire_of: Maker) -> None:
    wire = greeted(wire_of(), "SIZE 100")
    for transaction, refusal in (
        (letter(size=101), TOO_BIG),
        (msgspec.structs.replace(letter(), needs_smtputf8=True), NO_SMTPUTF8),
        (msgspec.structs.replace(letter(), requiretls=True), NO_REQUIRETLS),
    ):
        wire.session.send(transaction)
        (done,) = wire.events()
        assert isinstance(done, TransactionDone)
        assert done.outcomes() == (refusal,)
        assert done.transaction == transaction
        assert wire.says() == b""
        assert wire.session.is_idle


def test_arguments_that_must_not_be_sent_change_nothing(wire_of: Maker) -> None:
    wire = greeted(wire_of(), *ALL)
    evil = b"a@b>\r\nRCPT TO:<x@y"
    for transaction in (letter(b"bob@mx.test", evil), letter(sender=evil), letter("ö@x".encode())):
        with pytest.raises(UnsafeArgument):
            wire.session.send(transaction)
    with pytest.raises(UnsafeContent):
        wire.session.send(letter(), b"a\nb\r\n")
    with pytest.raises(ValueError, match="at least one"):
        wire.session.send(Transaction(sender=b"", recipients=()))
    assert wire.says() == b""
    assert wire.session.is_idle
    wire.session.send(letter(), BODY)
    assert codes(wire.done("250 OK", "250 OK", "250 OK")) == [250]


def test_content_that_must_not_be_sent_ends_the_session(wire_of: Maker) -> None:
    for blocks in ([b"ok\r\n", b"a\n"], [b"ok\r", b"x"], [b"a\0"], [b"ok\r"]):
        wire = greeted(wire_of(), *ALL)
        wire.session.send(letter(b"a@x", b"b@x"))
        wire.says()
        wire.hears("250 OK", "550 No", "250 OK", "354 Go on")
        with pytest.raises(UnsafeContent):
            for block in blocks:
                wire.session.content(block)
            wire.session.end_content()  # where the last block ends in CR
        assert wire.session.is_closed
        assert wire.says() == b""
        (done,) = wire.events()
        assert isinstance(done, TransactionDone)
        assert [str(reply)[:9] for reply in done.outcomes()] == ["550 No", "554 5.6.0"]
        assert done.outcomes()[1].is_local


def test_quit(wire_of: Maker) -> None:
    wire = greeted(wire_of())
    wire.session.quit()
    assert wire.says() == b"QUIT\r\n"
    assert wire.session.phase is Phase.QUIT
    assert wire.hears("221 2.0.0 Bye") == [Closing(ServerReply(221, "2.0.0", ("Bye",)))]
    assert wire.session.is_closed
    assert wire.hears("250 more") == []


def test_tls(wire_of: Maker) -> None:
    wire = greeted(wire_of(), "STARTTLS", "PIPELINING")
    wire.session.start_tls()
    assert wire.says() == b"STARTTLS\r\n"
    assert wire.hears("220 2.0.0 Ready") == [BeginTls()]
    with pytest.raises(RuntimeError):
        wire.session.send(letter())
    wire.session.tls_started()
    assert wire.session.extensions == Extensions()
    assert wire.says() == b"EHLO c.test\r\n"
    assert wire.hears("250-mx.test", "250 DSN") == [Ready(Extensions(name="mx.test", dsn=True))]
    wire.session.send(letter())
    assert wire.says() == b"MAIL FROM:<a@c.test>\r\n"


def test_tls_refused(wire_of: Maker) -> None:
    wire = greeted(wire_of(), "STARTTLS")
    wire.session.start_tls()
    assert wire.hears("454 4.7.0 Not now") == [TlsRefused(ServerReply(454, "4.7.0", ("Not now",)))]
    assert wire.session.is_idle
    with pytest.raises(RuntimeError):
        wire.session.tls_started()


CREDENTIALS = Credentials(login="alice", secret="secret")


def test_login(wire_of: Maker) -> None:
    wire = greeted(wire_of(), *ALL)
    wire.session.authenticate(start("PLAIN", CREDENTIALS, nonce="abc"))
    assert wire.says() == b"AUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n"
    assert wire.session.waits_for is Wait.AUTH
    assert isinstance(wire.hears("235 2.7.0 Welcome")[0], Authenticated)
    assert wire.session.can_send


def test_login_with_challenges(wire_of: Maker) -> None:
    wire = greeted(wire_of(), *ALL)
    wire.session.authenticate(start("LOGIN", CREDENTIALS, nonce="abc"))
    assert wire.says() == b"AUTH LOGIN\r\n"
    assert wire.hears("334 VXNlcm5hbWU6") == []
    assert wire.says() == b"YWxpY2U=\r\n"
    assert wire.hears("334 UGFzc3dvcmQ6") == []
    assert wire.says() == b"c2VjcmV0\r\n"
    assert isinstance(wire.hears("235 OK")[0], Authenticated)


def test_login_refused(wire_of: Maker) -> None:
    wire = greeted(wire_of(), *ALL)
    wire.session.authenticate(start("PLAIN", CREDENTIALS, nonce="abc"))
    (event,) = wire.hears("535 5.7.8 Wrong")
    assert event == AuthenticationFailed(ServerReply(535, "5.7.8", ("Wrong",)))
    assert wire.session.is_idle


def test_login_cancelled(wire_of: Maker) -> None:
    wire = greeted(wire_of(), *ALL)
    wire.session.authenticate(start("SCRAM-SHA-256", CREDENTIALS, nonce="abc"))
    assert wire.says().startswith(b"AUTH SCRAM-SHA-256 ")
    assert wire.hears("334 Zm9v") == []
    assert wire.says() == b"*\r\n"
    assert wire.session.waits_for is Wait.CANCEL
    (event,) = wire.hears("501 5.7.0 Cancelled")
    assert isinstance(event, AuthenticationFailed)
    assert "SCRAM-SHA-256" in event.reason
    assert wire.session.is_idle


def test_a_secret_that_fits_no_line_changes_nothing(wire_of: Maker) -> None:
    wire = greeted(wire_of(), *ALL)
    long = Credentials(login="alice", secret="x" * 20_000)
    with pytest.raises(UnsafeArgument):
        wire.session.authenticate(start("PLAIN", long, nonce="abc"))
    assert wire.session.is_idle
    assert wire.says() == b""


@pytest.mark.parametrize("name", ["", "a b", "x\r\nQUIT"])
def test_our_own_name_must_be_one(name: str) -> None:
    with pytest.raises(UnsafeArgument):
        ClientSession(name)


def test_what_is_called_at_the_wrong_time() -> None:
    session = ClientSession("c.test")
    mechanism = start("PLAIN", CREDENTIALS, nonce="abc")
    for call in (
        session.hello,
        session.start_tls,
        session.tls_started,
        session.quit,
        session.end_content,
        lambda: session.content(b""),
        lambda: session.send(letter()),
        lambda: session.authenticate(mechanism),
    ):
        with pytest.raises(RuntimeError):
            call()
    assert session.data_to_send() == b""


def test_while_a_message_is_sent_nothing_else_is(wire_of: Maker) -> None:
    wire = greeted(wire_of(), *ALL)
    wire.session.send(letter())
    wire.hears("250 OK", "250 OK", "354 Go on")
    wire.says()
    for call in (
        wire.session.hello,
        wire.session.start_tls,
        wire.session.quit,
        lambda: wire.session.send(letter()),
        lambda: wire.session.authenticate(start("PLAIN", CREDENTIALS, nonce="abc")),
    ):
        with pytest.raises(RuntimeError):
            call()
    wire.session.end_content()
    assert wire.says() == b".\r\n"
    with pytest.raises(RuntimeError):
        wire.session.end_content()


def test_dsn_parameters_go_where_they_are_offered(wire_of: Maker) -> None:
    bob = Recipient(b"bob@mx.test", notify="NEVER", orcpt="rfc822;bob@mx.test")
    transaction = Transaction(sender=b"", recipients=(bob,), ret="HDRS", envid="x")
    wire = greeted(wire_of(), *ALL)
    wire.session.send(transaction)
    assert wire.says() == (
        b"MAIL FROM:<> RET=HDRS ENVID=x\r\n"
        b"RCPT TO:<bob@mx.test> NOTIFY=NEVER ORCPT=rfc822;bob@mx.test\r\nDATA\r\n"
    )
    wire = greeted(wire_of(), "PIPELINING")
    wire.session.send(transaction)
    assert wire.says() == b"MAIL FROM:<>\r\nRCPT TO:<bob@mx.test>\r\nDATA\r\n"


def test_what_was_wrong_is_raised_once() -> None:
    session = ClientSession("c.test")
    session.receive(b"nonsense\r\n")
    with pytest.raises(ServerFault):
        session.next_event()
    assert session.next_event() is None
    assert session.is_closed
