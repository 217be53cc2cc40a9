"""Servers that break the protocol or the connection, at every place of a dialogue."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings, strategies as st

from postroom.protocol.sasl.client import Credentials, start
from postroom.protocol.smtp.client import ClientSession
from postroom.protocol.smtp.client_events import (
    AuthenticationFailed,
    BeginTls,
    ClientEvent,
    Closing,
    Greeted,
    Ready,
    StartContent,
)
from postroom.protocol.smtp.client_replies import MAX_LINE, ServerFault
from postroom.protocol.smtp.client_transaction import TransactionDone
from tests.protocol.smtp.client_driver import ALL, BODY, STUFFED, Wire, codes, greeted, letter

CREDENTIALS = Credentials(login="alice", secret="secret")


def pipelined() -> Wire:
    return greeted(Wire(), *ALL)


def sent(*recipients: bytes, content: bytes | None = None) -> Wire:
    wire = pipelined()
    wire.session.send(letter(*recipients), content)
    wire.says()
    return wire


def in_content() -> Wire:
    wire = sent()
    wire.hears("250 OK", "250 OK", "354 Go on")
    return wire


def at_the_end() -> Wire:
    wire = in_content()
    wire.session.content(BODY)
    wire.session.end_content()
    wire.says()
    return wire


def in_auth() -> Wire:
    wire = pipelined()
    wire.session.authenticate(start("LOGIN", CREDENTIALS, nonce="abc"))
    return wire


def in_cancel() -> Wire:
    wire = in_auth()
    wire.hears("334 !")
    return wire


def in_hello() -> Wire:
    wire = Wire()
    wire.hears("220 mx.test")
    wire.session.hello()
    return wire


def in_starttls() -> Wire:
    wire = greeted(Wire(), "STARTTLS")
    wire.session.start_tls()
    return wire


def in_quit() -> Wire:
    wire = pipelined()
    wire.session.quit()
    return wire


def after(count: int) -> Callable[[], Wire]:
    """A transaction of which so many commands were answered with 250."""

    def make() -> Wire:
        wire = sent()
        wire.hears(*("250 OK",) * count)
        return wire

    return make


def chunk_sent() -> Wire:
    wire = sent(content=BODY)
    wire.hears("250 OK", "250 OK")
    return wire


PLACES: dict[str, Callable[[], Wire]] = {
    "connected": Wire,
    "hello": in_hello,
    "ready": pipelined,
    "starttls": in_starttls,
    "auth": in_auth,
    "cancel": in_cancel,
    "mail": after(0),
    "rcpt": after(1),
    "data": after(2),
    "content": in_content,
    "end": at_the_end,
    "chunk": chunk_sent,
    "quit": in_quit,
}
IN_TRANSACTION = {"mail", "rcpt", "data", "content", "end", "chunk"}


@pytest.mark.parametrize("place", PLACES)
def test_421_ends_the_session_anywhere(place: str) -> None:
    wire = PLACES[place]()
    wire.says()
    *before, last = wire.hears("421-4.3.2 Going", "421 4.3.2 down", "250 more")
    assert isinstance(last, Closing)
    assert last.reply.text == "Going / down"
    assert wire.session.is_closed
    assert wire.fault is None
    assert wire.says() == b""
    assert len(before) == (place in IN_TRANSACTION)
    for event in before:
        assert isinstance(event, TransactionDone)
        assert event.outcomes() == (last.reply,)
        assert event.is_attempted
    assert wire.hears("250 even more") == []


@pytest.mark.parametrize("place", PLACES)
def test_a_lost_connection_decides_what_is_open(place: str) -> None:
    wire = PLACES[place]()
    wire.session.connection_lost("Connection reset by peer")
    wire.session.connection_lost("again")
    events = wire.events()
    assert len(events) == (place in IN_TRANSACTION)
    for event in events:
        assert isinstance(event, TransactionDone)
        (reply,) = event.outcomes()
        assert str(reply) == "451 4.4.2 Connection reset by peer"
        assert reply.is_local
        assert event.is_attempted
    assert wire.session.is_closed
    assert wire.says() == b""


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "octets",
    [b"nonsense\r\n", b"199 x\r\n", b"600 x\r\n", b"250-a\r\n251 b\r\n", b"x" * MAX_LINE, b"250-x\r\n" * 101],
    ids=["text", "199", "600", "two codes", "endless line", "endless reply"],
)  # fmt: skip
def test_what_is_no_reply_is_a_fault_anywhere(place: str, octets: bytes) -> None:
    wire = PLACES[place]()
    events = wire.hears_octets(octets)
    assert wire.fault is not None
    assert wire.session.is_closed
    assert wire.says() == b""
    assert len(events) == (place in IN_TRANSACTION)
    for event in events:
        assert isinstance(event, TransactionDone)
        (reply,) = event.outcomes()
        assert (reply.code, reply.status, reply.is_local) == (451, "4.5.0", True)
        assert wire.fault.reason[:40] in reply.text
    with pytest.raises(RuntimeError):
        wire.session.quit()


WRONG = {
    "connected": (250, 221, 200, 354, 334),
    "hello": (354, 334),
    "ready": (200, 220, 250, 354, 450, 550),
    "starttls": (250, 221, 354),
    "auth": (220, 250, 354),
    "cancel": (235, 250, 334, 354),
    "mail": (334, 354),
    "rcpt": (334, 354),
    "data": (220, 250, 334, 355),
    "content": (220, 250, 354, 450, 552),
    "end": (334, 354),
    "chunk": (334, 354),
    "quit": (),
}


@pytest.mark.parametrize(("place", "code"), [(at, code) for at in WRONG for code in WRONG[at]])
def test_codes_that_answer_nothing_are_a_fault(place: str, code: int) -> None:
    wire = PLACES[place]()
    wire.says()
    wire.hears(f"{code} 2.0.0 Why not")
    assert wire.fault is not None
    assert str(code) in wire.fault.reason
    assert wire.session.is_closed
    assert wire.says() == b""


@pytest.mark.parametrize("code", [200, 221, 250, 354, 450, 550])
def test_any_answer_to_quit_ends_the_session(code: int) -> None:
    wire = in_quit()
    assert isinstance(wire.hears(f"{code} Bye")[0], Closing)


@pytest.mark.parametrize("surplus", ["250 more", "550 more", "354 more"])
def test_more_replies_than_commands_are_a_fault(surplus: str) -> None:
    wire = sent(content=BODY)
    (done,) = wire.hears("250 OK", "250 OK", "250 Queued", surplus)
    assert isinstance(done, TransactionDone)
    assert codes(done) == [250]
    assert wire.fault is not None
    assert "unasked" in wire.fault.reason


def test_an_early_refusal_of_the_content_is_shown() -> None:
    wire = in_content()
    wire.session.content(BODY)
    (done,) = wire.hears("552 5.3.4 Too big")
    assert isinstance(done, TransactionDone)
    assert "552 5.3.4 Too big" in done.outcomes()[0].text
    with pytest.raises(RuntimeError):
        wire.session.content(BODY)


@pytest.mark.parametrize("octets", [b"250 x\r\n", b"2", b"\r\n", b"220-x\r\n", b"\x16\x03\x03"])
def test_octets_behind_220_never_reach_tls(octets: bytes) -> None:
    """CVE-2021-38371: a stranger's replies before TLS must not count inside it."""
    together = in_starttls()
    assert together.hears_octets(b"220 Ready\r\n" + octets) == []
    assert together.fault is not None

    apart = in_starttls()
    assert apart.hears("220 Ready") == [BeginTls()]
    assert apart.hears_octets(octets) == []
    assert apart.fault is not None
    assert apart.session.is_closed
    with pytest.raises(RuntimeError):
        apart.session.tls_started()


def test_octets_that_came_meanwhile_stop_the_handshake() -> None:
    wire = in_starttls()
    wire.hears("220 Ready")
    wire.session.receive(b"")
    wire.session.receive(b"250 x\r\n")
    with pytest.raises(ServerFault, match="before TLS"):
        wire.session.tls_started()


def test_all_begins_again_inside_tls() -> None:
    wire = in_starttls()
    wire.hears_octets(b"220-Ready\n220 Go\r\n")
    wire.session.tls_started()
    (event,) = wire.hears("250-mx.test", "250 DSN")
    assert isinstance(event, Ready)


def test_a_server_that_has_not_proven_itself_is_not_believed() -> None:
    for name, lines in (
        ("SCRAM-SHA-256", ["235 Welcome"]),
        ("LOGIN", ["235 Welcome"]),
        ("LOGIN", ["334 VXNlcm5hbWU6", "235 Welcome"]),
    ):
        wire = pipelined()
        wire.session.authenticate(start(name, CREDENTIALS, nonce="abc"))
        assert wire.hears(*lines) == []
        assert wire.fault is not None
        assert "proven" in wire.fault.reason


def test_endless_challenges_end() -> None:
    wire = in_auth()
    wire.says()
    events: list[ClientEvent] = []
    for _ in range(10):
        events += wire.hears("334 YQ==")
    assert wire.fault is not None  # "*" wants a refusal
    assert events == []


def test_a_cancelled_login_is_not_the_end() -> None:
    wire = in_cancel()
    (event,) = wire.hears("501 5.7.0 Cancelled")
    assert isinstance(event, AuthenticationFailed)
    assert wire.session.is_idle


def test_a_pipelined_message_behind_421_was_not_attempted() -> None:
    for content in (None, BODY):
        wire = at_the_end()
        wire.session.send(letter(b"carol@x"), content)
        one, two, closing = wire.hears("421 4.3.2 Going down")
        assert isinstance(one, TransactionDone)
        assert isinstance(two, TransactionDone)
        assert isinstance(closing, Closing)
        assert one.is_attempted
        assert not two.is_attempted
        assert codes(one) == codes(two) == [421]


def test_a_pipelined_message_behind_a_fault_was_not_attempted() -> None:
    wire = at_the_end()
    wire.session.send(letter(b"carol@x"))
    one, two = wire.hears("354 Why not")
    assert isinstance(one, TransactionDone)
    assert isinstance(two, TransactionDone)
    assert one.is_attempted
    assert not two.is_attempted
    assert wire.fault is not None


def test_a_chunk_that_has_left_may_have_been_taken() -> None:
    wire = at_the_end()
    wire.session.send(letter(b"carol@x"), BODY)
    wire.session.connection_lost("Connection lost")
    assert [
        event.is_attempted for event in wire.events() if isinstance(event, TransactionDone)
    ] == [
        True,
        True,
    ]


@pytest.mark.parametrize("answer", ["421 Bye", "550 No RSET here", "354 What"])
def test_a_message_behind_rset_that_fails_was_not_attempted(answer: str) -> None:
    wire = sent()
    wire.hears("250 OK", "550 No", "503 No")
    wire.session.send(letter())
    done = wire.hears(answer)[0]
    assert isinstance(done, TransactionDone)
    assert not done.is_attempted
    assert wire.session.is_closed


def test_a_message_behind_rset_that_went_well_was_attempted() -> None:
    wire = sent()
    wire.hears("250 OK", "550 No", "503 No")
    wire.session.send(letter())
    done, _ = wire.hears("250 OK", "421 Bye")
    assert isinstance(done, TransactionDone)
    assert done.is_attempted


def test_what_was_decided_before_421_stays() -> None:
    wire = sent(b"a@x", b"b@x", b"c@x")
    done, _ = wire.hears("250 OK", "550 5.1.1 No", "250 OK", "421 Bye")
    assert isinstance(done, TransactionDone)
    assert codes(done) == [550, 421, 421]


def test_421_among_the_answers_of_lmtp() -> None:
    wire = greeted(Wire("LMTP"), *ALL)
    wire.session.send(letter(b"a@x", b"b@x", b"c@x"), BODY)
    wire.hears("250 OK", "250 OK", "250 OK", "250 OK", "354 Go on")
    done, _ = wire.hears("250 One", "421 Bye", "250 Three")
    assert isinstance(done, TransactionDone)
    assert codes(done) == [250, 421, 421]


def test_354_for_nobody_is_a_fault_over_lmtp() -> None:
    wire = greeted(Wire("LMTP"), *ALL)
    wire.session.send(letter(b"a@x"), BODY)
    wire.says()
    (done,) = wire.hears("250 OK", "550 No", "354 Go on")
    assert isinstance(done, TransactionDone)
    assert codes(done) == [550]
    assert wire.fault is not None
    assert wire.says() == b""


def test_our_own_refusal_stays_when_the_connection_is_lost() -> None:
    wire = at_the_end()
    wire.session.send(letter(size=100_001))
    wire.session.connection_lost("Gone")
    one, two = wire.events()
    assert isinstance(one, TransactionDone)
    assert isinstance(two, TransactionDone)
    assert [codes(one), codes(two)] == [[451], [552]]
    assert two.is_attempted


REPLIES = st.lists(
    st.sampled_from(
        ["220 a", "250 a", "250-a", "235 a", "334 ", "334 YQ==", "354 a", "421 a", "450 a", "550 a",
         "503 a", "250-PIPELINING", "250-CHUNKING", "x", "250 STARTTLS", "221 a"]
    ),
    max_size=30,
)  # fmt: skip
STEPS = ("hello", "start_tls", "authenticate", "send", "whole", "quit")


def act(session: ClientSession, step: str) -> bool:
    """Do what the driver might; whether a transaction was sent."""
    try:
        match step:
            case "authenticate":
                session.authenticate(start("LOGIN", CREDENTIALS, nonce="abc"))
            case "send":
                session.send(letter(b"a@x", b"b@x"))
            case "whole":
                session.send(letter(b"a@x", b"b@x"), BODY)
            case _:
                getattr(session, step)()
    except RuntimeError:
        return False
    return step in {"send", "whole"}


@given(
    REPLIES,
    st.lists(st.sampled_from(STEPS), max_size=30),
    st.booleans(),
    st.none() | st.sets(st.sampled_from(["PIPELINING", "CHUNKING", "STARTTLS"])),
)
@settings(max_examples=300)
def test_whatever_a_server_says_each_transaction_ends_once(
    lines: list[str], steps: list[str], is_lmtp: bool, extensions: set[str] | None
) -> None:
    wire = Wire("LMTP" if is_lmtp else "SMTP")
    if extensions is not None:
        greeted(wire, *extensions)
    count = ended = 0
    written = b""
    for number, line in enumerate(lines):
        for event in wire.hears(line):
            match event:
                case Greeted():
                    wire.session.hello()
                case BeginTls():
                    wire.session.tls_started()
                case StartContent():
                    wire.session.content(BODY)
                    wire.session.end_content()
                case TransactionDone():
                    ended += 1
                    assert len(event.outcomes()) == 2
                case _:
                    pass
        if number < len(steps):
            count += act(wire.session, steps[number])
        written += wire.says()
    wire.session.connection_lost("The end")
    ended += len(wire.events())
    assert ended == count
    assert b"DATA\r\nDATA" not in written
    assert written.count(STUFFED) <= written.count(b"DATA\r\n")
