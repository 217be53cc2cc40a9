"""A session without I/O."""

import itertools
import tracemalloc

import pytest
from hypothesis import given, strategies as st

from postroom.protocol.imap import commands as c
from postroom.protocol.imap.events import (
    Cancelled,
    Content,
    Event,
    IdleDone,
    LiteralOffered,
    MessageBegins,
    MessagesEnd,
    Response,
    Slow,
)
from postroom.protocol.imap.session import Session
from postroom.protocol.imap.states import State


def session(*, plain: bool = False, append_limit: int = 1000) -> Session:
    mechanisms = () if plain else ("PLAIN",)
    return Session(mechanisms=mechanisms, can_start_tls=True, append_limit=append_limit)


def logged_in(*, append_limit: int = 1000) -> Session:
    made = session(append_limit=append_limit)
    drive(made, b"0 LOGIN a b\r\n")
    assert made.state is State.AUTHENTICATED
    made.data_to_send()
    return made


def state_of(held: Session) -> State:
    return held.state


def drive(held: Session, octets: bytes) -> list[Event]:
    """Let everything be allowed; the events in order."""
    held.receive(octets)
    events: list[Event] = []
    while (event := held.next_event()) is not None:
        events.append(event)
        match event:
            case c.Append() | MessageBegins() | LiteralOffered():
                held.go_on()
            case c.Idle():
                held.start_idle()
            case c.Authenticate(initial=None):
                held.challenge(b"")
            case Content() | Cancelled():
                pass
            case Slow():
                held.resume()
            case _:
                held.finish("OK", "Done")
    return events


def test_greets_with_capabilities() -> None:
    held = session(plain=True)
    held.greet("mail.example ready")
    said = held.data_to_send()
    assert said.startswith(b"* OK [CAPABILITY IMAP4rev1 ")
    assert said.endswith(b"STARTTLS LOGINDISABLED] mail.example ready\r\n")
    assert held.data_to_send() == b""


def test_pipelined_commands_wait_for_their_turn() -> None:
    held = session()
    held.receive(b"a NOOP\r\nb CAPABILITY\r\n")
    assert held.next_event() == c.Noop()
    assert held.next_event() is None
    held.untagged(b"* 1 EXISTS\r\n")
    held.finish("OK", "Done")
    assert held.next_event() == c.Capability()
    held.finish("OK", "Done", b"X")
    assert held.data_to_send() == b"* 1 EXISTS\r\na OK Done\r\nb OK [X] Done\r\n"
    held.finish("OK", "nothing is pending")
    assert held.data_to_send() == b""


def test_no_password_on_a_plain_connection() -> None:
    held = session(plain=True)
    events = drive(
        held,
        b"a LOGIN bob secret\r\nb AUTHENTICATE PLAIN AAAA\r\nc LOGIN {3+}\r\nbob secret\r\nd LOGIN {3}\r\n",
    )
    assert events == []
    said = held.data_to_send()
    assert said.count(b"NO [PRIVACYREQUIRED]") == 4
    assert b"+ " not in said
    held.tls_started(("PLAIN",))
    assert b"AUTH=PLAIN" in held.capabilities
    assert b"STARTTLS" not in held.capabilities
    assert drive(held, b"e LOGIN bob secret\r\n") == [c.Login(b"bob", b"secret")]


@pytest.mark.parametrize(
    "line", [b"a SELECT x", b"a FETCH 1 UID", b"a IDLE", b'a LIST "" *', b"a CLOSE"]
)
def test_illegal_before_login(line: bytes) -> None:
    held = session()
    assert drive(held, line + b"\r\n") == []
    assert held.data_to_send() == b"a BAD The command is not legal in this state\r\n"


def test_states_follow_outcomes() -> None:
    held = logged_in()
    drive(held, b"a SELECT x\r\n")
    assert state_of(held) is State.SELECTED
    held.receive(b"b EXAMINE y\r\n")
    held.next_event()
    held.finish("NO", "There is no such mailbox")
    assert state_of(held) is State.AUTHENTICATED
    assert drive(held, b"c FETCH 1 UID\r\nd LOGIN a b\r\n") == []
    drive(held, b"e SELECT x\r\nf UNSELECT\r\n")
    assert state_of(held) is State.AUTHENTICATED
    drive(held, b"g LOGOUT\r\nh NOOP\r\n")
    assert state_of(held) is State.LOGOUT
    assert held.is_closed
    assert b"h OK" not in held.data_to_send()


def test_literals() -> None:
    held = session()
    assert drive(held, b"a LOGIN {3}\r\n") == []
    assert held.data_to_send() == b"+ Ready for the literal\r\n"
    assert drive(held, b"bob {2+}\r\npw\r\n") == [c.Login(b"bob", b"pw")]
    assert held.data_to_send() == b"a OK Done\r\n"


@pytest.mark.parametrize(
    "line",
    [
        b"a LOGIN {513}",
        b"a LOGIN {4294967296}",
        b"a LOGIN {99999999999999999999}",
        b"a LOGIN {" + b"9" * 5000 + b"}",
        b"+ {3}",
    ],
)
def test_a_literal_too_big_before_login_is_not_asked_for(line: bytes) -> None:
    held = session()
    assert drive(held, line + b"\r\nb NOOP\r\n") == [c.Noop()]
    said = held.data_to_send()
    assert b"+ Ready" not in said
    assert b" BAD [TOOBIG] The literal is too big\r\nb OK Done\r\n" in said


@pytest.mark.parametrize(
    "line", [b"a LOGIN {513+}", b"a LOGIN {4294967296+}", b"a APPEND x {600+}", b"* {3+}"]
)
def test_a_literal_that_comes_unasked_and_too_big_ends_the_connection(line: bytes) -> None:
    held = session()
    assert drive(held, line + b"\r\nb NOOP\r\nc NOOP\r\n") == []
    assert held.data_to_send() == b"* BYE [ALERT] The literal is too big\r\n"
    assert held.is_closed
    assert held.buffered == 0


def test_limits_after_login() -> None:
    held = logged_in()
    drive(held, b'a LIST "" {102401}\r\n')
    assert held.data_to_send() == b"a BAD [TOOBIG] The literal is too big\r\n"
    drive(held, b'a LIST "" {2000000000+}\r\n')
    assert held.is_closed
    held = logged_in()
    drive(held, b"a SEARCH" + b" NOT" * 20_000)
    assert held.data_to_send() == b"* BYE [ALERT] The command is too long\r\n"
    held = logged_in()
    drive(held, b"a SEARCH")
    for _ in range(11):
        drive(held, b" SUBJECT {100000+}\r\n" + b"x" * 100_000)
    assert held.data_to_send() == b"* BYE [ALERT] The literal is too big\r\n"
    held = logged_in()
    drive(held, b"a SEARCH" + b" SUBJECT {1+}\r\nx" * 1001)
    assert held.is_closed


def test_a_line_before_login_has_8_kib() -> None:
    held = session()
    assert drive(held, b"a LOGIN " + b"x" * 8300) == []
    assert held.is_closed


def test_append_is_streamed() -> None:
    held = logged_in()
    assert drive(held, b"a APPEND x (\\Seen) {8}\r\n") == [
        c.Append("x"),
        MessageBegins(1, frozenset(), None),
        LiteralOffered(8, is_synchronising=True),
    ]
    assert held.data_to_send() == b"+ Ready for the message\r\n"
    assert drive(held, b"abc") == [Content(b"abc")]
    assert drive(held, b"{9+}\r") == [Content(b"{9+}\r")]
    assert drive(held, b"\r\nb NOOP\r\n") == [MessagesEnd(), c.Noop()]
    assert held.data_to_send() == b"a OK Done\r\nb OK Done\r\n"


def test_a_malformed_append_is_a_mistake() -> None:
    held = logged_in()
    drive(held, b"a APPEND x y {1}\r\n" * 20)
    assert held.data_to_send().endswith(b"* BYE Too many bad commands\r\n")


def test_authenticate() -> None:
    held = session()
    assert drive(held, b"a AUTHENTICATE PLAIN\r\n") == [c.Authenticate("PLAIN")]
    assert held.data_to_send() == b"+ \r\n"
    assert drive(held, b"AGEAYg==\r\n") == [Response(b"\x00a\x00b")]
    assert held.state is State.AUTHENTICATED


@pytest.mark.parametrize("line", [b"*", b"!", b"A", b"AA=A"])
def test_authenticate_ends_without_an_answer(line: bytes) -> None:
    held = session()
    drive(held, b"a AUTHENTICATE PLAIN\r\n")
    held.data_to_send()
    assert drive(held, line + b"\r\nb NOOP\r\n") == [Cancelled(), c.Noop()]
    assert held.data_to_send().startswith(b"a BAD ")
    assert held.state is State.UNAUTHENTICATED


def test_an_empty_response_is_a_response() -> None:
    held = session()
    assert drive(held, b"a AUTHENTICATE PLAIN\r\n\r\n")[1] == Response(b"")


def test_idle() -> None:
    held = logged_in()
    assert drive(held, b"a IDLE\r\n") == [c.Idle()]
    assert held.data_to_send() == b"+ idling\r\n"
    held.untagged(b"* 2 EXISTS\r\n")
    assert held.data_to_send() == b"* 2 EXISTS\r\n"
    assert drive(held, b"done\r\nb IDLE\r\nNOOP\r\n") == [
        IdleDone(is_clean=True),
        c.Idle(),
        IdleDone(is_clean=False),
    ]


def test_mistakes_cost_time_and_then_the_connection() -> None:
    held = session()
    events = drive(held, b"x\r\n" * 30)
    assert events == [Slow()] * 9
    assert held.data_to_send().count(b"BAD") == 20
    assert held.is_closed


def test_a_success_forgives() -> None:
    held = session()
    assert drive(held, (b"x\r\n" * 9 + b"a NOOP\r\n") * 5) == [c.Noop()] * 5


def test_bad_from_the_driver_counts_too() -> None:
    held = logged_in()
    for _ in range(20):
        held.receive(b"a NOOP\r\n")
        while not isinstance(held.next_event(), c.Noop):
            held.resume()
        held.finish("BAD", "no")
    assert held.is_closed


def test_a_bare_newline_is_refused() -> None:
    held = session()
    assert drive(held, b"a NOOP\nb NOOP\r\n") == [c.Noop()]
    assert held.data_to_send() == b"a BAD A line ends in CRLF\r\nb OK Done\r\n"
    drive(held, b"a LOGIN {3+}\nbob NOOP\r\n")
    assert held.is_closed


def test_a_bare_newline_in_idle_ends_the_connection() -> None:
    held = logged_in()
    drive(held, b"a IDLE\r\nDONE\n")
    assert held.is_closed


def test_bye_is_said_once() -> None:
    held = session()
    held.bye("Autologout", b"UNAVAILABLE")
    held.bye("again")
    held.untagged(b"* 1 EXISTS\r\n")
    held.untagged_pieces([b"* 2 EXISTS\r\n"])
    held.receive(b"a NOOP\r\n")
    assert held.next_event() is None
    assert held.data_to_send() == b"* BYE [UNAVAILABLE] Autologout\r\n"


def test_an_idle_session_is_small() -> None:
    tracemalloc.start()
    sessions = [logged_in() for _ in range(200)]
    before = tracemalloc.get_traced_memory()[0]
    more = [logged_in() for _ in range(200)]
    used = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert len(sessions) == len(more)
    assert used / 200 < 2000


DIALOGUE = (
    b"a LOGIN {3+}\r\nbob pw\r\nb SELECT inbox\r\nc SEARCH CHARSET UTF-8 SUBJECT {3}\r\n\xe2\x82\xac\r\n"
    b"d APPEND x {9+}\r\na NOOP\r\nx\r\ne IDLE\r\nDONE\r\nf FETCH 1 (BODY[])\r\nx\r\ng FOO {4+}\r\n{5}\r\r\n"
    b"h APPEND x y {8+}\r\ni NOOP\r\n\r\nj NOOP\nk NOOP\r\nl LOGOUT\r\nm NOOP\r\n"
)


def transcript(held: Session, blocks: list[bytes]) -> tuple[bytes, list[Event]]:
    events: list[Event] = []
    for block in blocks:
        for event in drive(held, block):
            if isinstance(event, Content) and events and isinstance(events[-1], Content):
                events[-1] = Content(events[-1].octets + event.octets)
            else:
                events.append(event)
    return held.data_to_send(), events


@given(st.lists(st.integers(0, len(DIALOGUE)), max_size=12))
def test_cuts_change_nothing(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(DIALOGUE)]
    blocks = [DIALOGUE[a:b] for a, b in itertools.pairwise(places)]
    assert transcript(session(), blocks) == transcript(session(), [DIALOGUE])


def test_octet_by_octet() -> None:
    octets = [bytes([octet]) for octet in DIALOGUE]
    assert transcript(session(), octets) == transcript(session(), [DIALOGUE])


@given(
    st.lists(
        st.sampled_from(DIALOGUE.split(b" ")).map(lambda word: word + b" ")
        | st.sampled_from([b"\r\n", b"{3+}\r\n", b"{3}\r\n", b"* ", b"\r", b"\n"])
        | st.binary(max_size=5),
        max_size=20,
    )
)
def test_any_octets(blocks: list[bytes]) -> None:
    for held in (session(), logged_in()):
        said, _ = transcript(held, blocks)
        assert not said or said.endswith(b"\r\n")
        assert transcript(held, [b""])[0] == b""
