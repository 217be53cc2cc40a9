"""APPEND in a session: events, refusals at every place, and nothing read as commands."""

import itertools
import tracemalloc

import pytest
from hypothesis import given, strategies as st

from postroom.protocol.imap import commands as c
from postroom.protocol.imap.events import (
    Content,
    Event,
    LiteralOffered,
    MessageBegins,
    MessagesEnd,
    Slow,
    UrlGiven,
)
from postroom.protocol.imap.session import Session

SYNC = LiteralOffered(12, is_synchronising=True)
NON_SYNC = LiteralOffered(12, is_synchronising=False)
PLAIN = MessageBegins(0, frozenset(), None)
TRAP = b"b DELETE x\r\n"  # 12 octets that must never be read as a command


class Driver:
    """Answers each event; the one with number ``refused`` is answered NO, and the command ends."""

    def __init__(self, *, append_limit: int = 1000, refused: int = -1) -> None:
        self.session = Session(
            mechanisms=("PLAIN",), can_start_tls=False, append_limit=append_limit
        )
        self.session.receive(b"0 LOGIN a b\r\n")
        self.session.next_event()
        self.session.finish("OK", "Done")
        self.session.data_to_send()
        self._refused = refused
        self.events: list[Event] = []

    def feed(self, octets: bytes) -> list[Event]:
        """The events that follow."""
        session = self.session
        session.receive(octets)
        before = len(self.events)
        while (event := session.next_event()) is not None:
            self.events.append(event)
            if len(self.events) == self._refused + 1:
                session.finish("NO", "Refused")
            elif isinstance(
                event, c.Append | c.Replace | MessageBegins | LiteralOffered | UrlGiven
            ):
                session.go_on()
            elif isinstance(event, Slow):
                session.resume()
            elif isinstance(event, MessagesEnd) and event.mistake:
                session.finish("BAD", event.mistake)
            elif not isinstance(event, Content):
                session.finish("OK", "Done")
        return self.events[before:]

    def said(self) -> bytes:
        return self.session.data_to_send()


def test_several_messages_with_mixed_literals() -> None:
    driver = Driver()
    assert driver.feed(b"a APPEND x {12}\r\n") == [c.Append("x"), PLAIN, SYNC]
    assert driver.said() == b"+ Ready for the message\r\n"
    assert driver.feed(TRAP) == [Content(TRAP)]
    assert driver.feed(b" (\\Draft) {12+}\r\n" + TRAP) == [
        MessageBegins(16, frozenset(), None),
        NON_SYNC,
        Content(TRAP),
    ]
    assert driver.said() == b""
    assert driver.feed(b" {12}\r\n") == [PLAIN, SYNC]
    assert driver.said() == b"+ Ready for the message\r\n"
    assert driver.feed(TRAP + b"\r\nc NOOP\r\n") == [Content(TRAP), MessagesEnd(), c.Noop()]
    assert driver.said() == b"a OK Done\r\nc OK Done\r\n"


def test_nothing_goes_on_without_a_word() -> None:
    driver = Driver()
    session = driver.session
    session.receive(b"a APPEND x {12+}\r\n" + TRAP + b"\r\nc NOOP\r\n")
    for expected in (c.Append("x"), PLAIN, NON_SYNC):
        assert session.next_event() == expected
        assert session.next_event() is None
        session.go_on()
    assert session.next_event() == Content(TRAP)
    assert session.next_event() == MessagesEnd()
    assert session.next_event() is None
    session.finish("OK", "Done")
    assert session.next_event() == c.Noop()


def test_the_mailbox_name_as_a_literal() -> None:
    driver = Driver()
    assert driver.feed(b"a APPEND {1}\r\n") == []
    assert driver.said() == b"+ Ready for the literal\r\n"
    assert driver.feed(b"x {12+}\r\n" + TRAP + b"\r\n") == [
        c.Append("x"),
        PLAIN,
        NON_SYNC,
        Content(TRAP),
        MessagesEnd(),
    ]


def test_urls_in_literals_of_their_own() -> None:
    driver = Driver()
    driver.feed(b"a APPEND x CATENATE (TEXT {12+}\r\n" + TRAP + b" URL {7}\r\n")
    assert driver.said() == b"+ Ready for the literal\r\n"
    driver.feed(b";UID=20 URL {7+}\r\n;UID=21 TEXT {0+}\r\n TEXT {3}\r\n")
    assert driver.said() == b"+ Ready for the message\r\n"
    driver.feed(b"abc)\r\nc NOOP\r\n")
    part = LiteralOffered(12, is_synchronising=False, is_part=True)
    assert driver.events == [
        c.Append("x"),
        PLAIN,
        part,
        Content(TRAP),
        UrlGiven(b";UID=20"),
        UrlGiven(b";UID=21"),
        LiteralOffered(0, is_synchronising=False, is_part=True),
        LiteralOffered(3, is_synchronising=True, is_part=True),
        Content(b"abc"),
        MessagesEnd(),
        c.Noop(),
    ]
    whole = Driver()
    whole.feed(b"a APPEND {1+}\r\nx CATENATE (URL {1+}\r\ny URL z)\r\n")
    assert whole.events[2:] == [UrlGiven(b"y"), UrlGiven(b"z"), MessagesEnd()]


@pytest.mark.parametrize("place", range(9))
def test_a_refusal_among_parts(place: int) -> None:
    driver = Driver(refused=place)
    driver.feed(
        b"a APPEND x CATENATE (URL y TEXT {12+}\r\n" + TRAP + b" URL {12+}\r\n" + TRAP
        + b" URL z TEXT {12+}\r\n" + TRAP + b")\r\nc NOOP\r\n"
    )  # fmt: skip
    assert driver.events[-1] == c.Noop()
    assert not any(isinstance(event, c.Delete) for event in driver.events)
    assert driver.said() == b"a NO Refused\r\nc OK Done\r\n"


def test_a_url_that_is_too_long() -> None:
    for size, end in ((b"102401", b"a BAD "), (b"102401+", b"a BAD "), (b"9999999+", b"* BYE ")):
        driver = Driver(append_limit=200_000)
        driver.feed(b"a APPEND x CATENATE (TEXT {12+}\r\n" + TRAP + b" URL {%s}\r\n" % size)
        if size == b"102401+":
            driver.feed(b"x" * 102_401 + b" URL y)\r\nc NOOP\r\n")
            assert driver.events[-1] == c.Noop()
        assert driver.said().startswith(end)


TWO = (
    b"a APPEND x {12+}\r\n" + TRAP + b" {12+}\r\n" + TRAP + b" {12+}\r\n" + TRAP + b"\r\nc NOOP\r\n"
)


@pytest.mark.parametrize("by_octets", [False, True])
@pytest.mark.parametrize("place", range(11))
def test_a_refusal_anywhere_skips_all_that_follows(place: int, *, by_octets: bool) -> None:
    driver = Driver(refused=place)
    for octets in [bytes([octet]) for octet in TWO] if by_octets else [TWO]:
        driver.feed(octets)
    assert driver.events[-1] == c.Noop()
    assert not any(isinstance(event, c.Delete) for event in driver.events)
    assert driver.said() == b"a NO Refused\r\nc OK Done\r\n"


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_refused_synchronising_literal_does_not_come(place: int) -> None:
    driver = Driver(refused=place)
    driver.feed(b"a APPEND x {12}\r\nc NOOP\r\n")
    assert driver.events[-1] == c.Noop()
    assert driver.said() == b"a NO Refused\r\nc OK Done\r\n"


def test_a_refused_second_literal_does_not_come() -> None:
    driver = Driver(refused=4)
    driver.feed(b"a APPEND x {12+}\r\n" + TRAP + b" {12}\r\n")
    assert driver.said() == b"a NO Refused\r\n"
    assert driver.feed(b"c NOOP\r\n") == [c.Noop()]


def test_a_refusal_in_content_skips_up_to_a_literal_that_waits() -> None:
    driver = Driver(refused=3)
    driver.feed(b"a APPEND x {12}\r\n" + TRAP[:5])
    assert driver.feed(TRAP[5:] + b" {12+}\r\n" + TRAP + b" (\\Seen) {99999}\r\n") == []
    assert driver.said() == b"+ Ready for the message\r\na NO Refused\r\n"
    assert driver.feed(b"c NOOP\r\n") == [c.Noop()]


@pytest.mark.parametrize(
    "line",
    [
        b"a APPEND x (\\Recent) {%s}\r\n",
        b"a APPEND &A {%s}\r\n",
        b"a APPEND x x {%s}\r\n",
        b"a APPEND x {12+}\r\n" + TRAP + b"y {%s}\r\n",
        b"a APPEND x {12+}\r\n" + TRAP + b" y {%s}\r\n",
        b"a APPEND x {12+}\r\n" + TRAP + b' "then" {%s}\r\n',
    ],
)
def test_a_malformed_segment(line: bytes) -> None:
    for rest in (b"12", b"12+"):
        driver = Driver()
        driver.feed(line % rest)
        if rest == b"12+":
            driver.feed(TRAP + b" {12+}\r\n" + TRAP + b" (\\Seen)\r\n")
        driver.feed(b"c NOOP\r\n")
        assert driver.events[-1] == c.Noop()
        assert not any(isinstance(event, c.Delete) for event in driver.events)
        answer, noop, end = driver.said().split(b"\r\n")
        assert answer.startswith((b"a BAD ", b"a NO [CANNOT] "))
        assert (noop, end) == (b"c OK Done", b"")


def test_replace_needs_a_selected_mailbox_and_has_one_message() -> None:
    for plus in (b"", b"+"):
        driver = Driver()
        driver.feed(b"a REPLACE 1 x {12%s}\r\n" % plus + (TRAP + b"\r\n") * bool(plus))
        driver.feed(b"c NOOP\r\n")
        assert driver.events == [c.Noop()]
        assert driver.said().startswith(b"a BAD The command is not legal in this state\r\n")
    driver = Driver()
    driver.feed(b"s SELECT x\r\n")
    driver.feed(b"a UID REPLACE {2}\r\n")
    assert driver.said().endswith(b"a BAD Expected a number\r\n")
    driver.feed(b"a UID REPLACE 7 {1+}\r\nx {12+}\r\n" + TRAP + b" {12+}\r\n" + TRAP + b"\r\n")
    driver.feed(b"c NOOP\r\n")
    assert driver.events[1:] == [
        c.Replace(7, by_uid=True, mailbox="x"),
        PLAIN,
        NON_SYNC,
        Content(TRAP),
        MessagesEnd("REPLACE has one message"),
        c.Noop(),
    ]


@pytest.mark.parametrize("end", [b" ", b"x", b" ()", b" {12", b" {12}x"])
def test_text_behind_the_last_message(end: bytes) -> None:
    driver = Driver()
    driver.feed(b"a APPEND x {12+}\r\n" + TRAP + end + b"\r\nc NOOP\r\n")
    assert driver.events[-1] == c.Noop()
    assert driver.said().startswith(b"a BAD ")


@pytest.mark.parametrize(
    "octets",
    [
        b"a APPEND x {1001+}\r\n",
        b"a APPEND x y {1001+}\r\n",
        b"a APPEND x {99999999999999999999+}\r\n",
        b"a APPEND x {12+}\r\n" + TRAP + b" {1001+}\r\n",
        b"a APPEND x {12+}\r\n" + TRAP + b" y {1001+}\r\n",
        b"a APPEND x y {12+}\r\n" + TRAP + b" {1001+}\r\n",
        b"a APPEND x y {12+}\r\n" + TRAP + b" {" + b"9" * 30 + b"+}\r\n",
    ],
)
def test_what_comes_unasked_and_too_big_ends_the_connection(octets: bytes) -> None:
    driver = Driver()
    driver.feed(octets + b"c NOOP\r\n")
    assert driver.session.is_closed
    assert driver.session.buffered == 0
    assert c.Noop() not in driver.events
    assert driver.said().endswith(b"* BYE [ALERT] The literal is too big\r\n")


def test_a_big_literal_that_waits_is_for_the_driver_to_refuse() -> None:
    driver = Driver(refused=2)
    driver.feed(b"a APPEND x {1001}\r\nc NOOP\r\n")
    assert driver.events[2:] == [LiteralOffered(1001, is_synchronising=True), c.Noop()]
    unlimited = Driver(append_limit=0)
    unlimited.feed(b"a APPEND x {9000000000+}\r\nabc")
    assert unlimited.events[-1] == Content(b"abc")


@pytest.mark.parametrize("octets", [b" {12+}\n", b"\n", b" (" + b"x" * 70_000])
def test_a_bad_line_behind_a_message_ends_the_connection(octets: bytes) -> None:
    for refused in (-1, 2):
        driver = Driver(refused=refused)
        driver.feed(b"a APPEND x {12+}\r\n" + TRAP + octets)
        assert driver.session.is_closed
        assert driver.said().splitlines()[-1].startswith(b"* BYE [ALERT] ")


def test_content_is_never_held() -> None:
    driver = Driver(append_limit=0)
    block = bytes(65_536)
    driver.feed(b"a APPEND x {%d+}\r\n" % (1000 * len(block)))
    tracemalloc.start()
    for _ in range(1000):
        driver.feed(block)
        driver.events.clear()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000
    assert driver.feed(b"\r\n") == [MessagesEnd()]


WORDS = st.sampled_from(
    [
        b"CATENATE (", b"URL ", b"TEXT ", b"UTF8 (~",
        b"a APPEND x ", b"{3+}\r\n", b"{3}\r\n", b"{0}\r\n", b" {3+}\r\n", b"abc", b"\r\n", b"(", b")",
        b"(\\Seen) ", b'" 1-Jan-1970 00:00:01 +0000" ', b" ", b"c NOOP\r\n", b"{1001+}\r\n", b"\n",
    ]
)  # fmt: skip


@given(st.lists(WORDS | st.binary(max_size=4), max_size=25), st.integers(-1, 12))
def test_any_octets_in_any_cut(words: list[bytes], refused: int) -> None:
    """Nothing raises; the cuts change neither events nor answers."""
    whole = Driver(refused=refused)
    whole.feed(b"a APPEND x {3+}\r\nabc" + b"".join(words))
    assert not any(isinstance(event, c.Delete) for event in whole.events)
    cut = Driver(refused=refused)
    for octet in b"a APPEND x {3+}\r\nabc" + b"".join(words):
        cut.feed(bytes([octet]))
    if refused < 0:  # else its number means another event
        assert joined(cut.events) == joined(whole.events)
        assert cut.said() == whole.said()


def joined(events: list[Event]) -> list[Event]:
    """With neighbouring blocks of content as one."""
    made: list[Event] = []
    for kind, group in itertools.groupby(events, type):
        if kind is Content:
            octets = [event.octets for event in group if isinstance(event, Content)]
            made.append(Content(b"".join(octets)))
        else:
            made.extend(group)
    return made
