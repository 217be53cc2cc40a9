"""What servers say, good and bad, in any cut."""

import pytest
from hypothesis import given, strategies as st

from postroom.protocol.imap import client
from postroom.protocol.imap.client import ClientSession, Completed, Continued, Untagged, quoted
from postroom.protocol.imap.client_values import ServerFault

WIRE = (
    b"* OK [CAPABILITY IMAP4rev1 X] hello\r\n"
    b"* 3 EXISTS\n"
    b"* 2 FETCH (UID 5 BODY[] {5}\r\nab\r\n) X {0}\r\n)\r\n"
    b'* LIST (\\A) NIL {3}\r\na"b\r\n'
    b"+ go on\r\n"
    b"* BYE\r\n"
    b"p1 NO [TRYCREATE] no \x01such\r\n"
)
EVENTS = [
    Untagged(b"OK", code=b"CAPABILITY", argument=b"IMAP4rev1 X", text="hello"),
    Untagged(b"EXISTS", 3),
    Untagged(b"FETCH", 2, [[b"UID", b"5", b"BODY[]", b"ab\r\n)", b"X", b""]]),
    Untagged(b"LIST", values=[[b"\\A"], None, b'a"b']),
    Continued(b"go on"),
    Untagged(b"BYE"),
    Completed(b"p1", b"NO", b"TRYCREATE", b"", "no ?such"),
]


@given(st.lists(st.integers(1, 40), max_size=12))
def test_responses_in_any_cut(cuts: list[int]) -> None:
    session = ClientSession()
    found, at = [], 0
    for cut in [*cuts, len(WIRE)]:
        session.receive(WIRE[at : at + cut])
        at += cut
        while (event := session.next_event()) is not None:
            found.append(event)
    assert found == EVENTS
    assert not session.has_data


def test_commands_are_numbered_lines() -> None:
    session = ClientSession()
    assert session.command(b"NOOP") == b"p1"
    assert session.command(b"LOGOUT") == b"p2"
    session.say(b"abc")
    assert session.data_to_send() == b"p1 NOOP\r\np2 LOGOUT\r\nabc\r\n"
    assert session.data_to_send() == b""
    for line in (b"a\r\nb", b"a\nb", b"\0"):
        with pytest.raises(ValueError):
            session.command(line)


@pytest.mark.parametrize(
    "octets",
    [
        b"* " + b"x" * client.MAX_LINE,
        b"* X {99999999999}\r\n",
        b"* X {%d}\r\n" % (client.MAX_LITERAL + 1),
        b"* (\r\n",
        b"nonsense\r\n",
        b"* (a) b\r\n",
        b" OK\r\n",
        b"\r\n",
    ],
)
def test_what_makes_no_sense_or_has_no_end_is_a_fault(octets: bytes) -> None:
    session = ClientSession()
    session.receive(octets)
    with pytest.raises(ServerFault):
        session.next_event()


def test_a_response_of_many_literals_is_bounded() -> None:
    session = ClientSession()
    with pytest.raises(ServerFault, match="too long"):
        for _ in range(10):
            session.receive(b" {%d}\r\n" % client.MAX_LITERAL + b"x" * client.MAX_LITERAL)
            session.next_event()


@given(st.binary(max_size=80))
def test_nothing_but_faults_come_of_any_octets(octets: bytes) -> None:
    session = ClientSession()
    session.receive(octets)
    try:
        while session.next_event() is not None:
            pass
    except ServerFault as fault:
        assert fault.reason.isprintable()


def test_quoting() -> None:
    assert quoted(b'a"b\\c') == b'"a\\"b\\\\c"'
    for octets in (b"\r", b"\n", b"\0", b"x" * 5000):
        with pytest.raises(ValueError):
            quoted(octets)
