"""The same FETCH of one message after the other."""

import pytest
from hypothesis import given, strategies as st

from postroom.protocol.imap.commands import Command, Fetch
from postroom.protocol.imap.series import Series
from postroom.protocol.imap.session import Session

START = b"0 LOGIN a b\r\n1 SELECT x\r\n"


def selected() -> Session:
    held = Session(mechanisms=("PLAIN",), can_start_tls=False, append_limit=1000)
    held.receive(START)
    while held.next_event() is not None:
        held.finish("OK", "Done")
    held.data_to_send()
    return held


def series(octets: bytes) -> Series | None:
    held = selected()
    held.receive(octets + b"\r\n")
    command = held.next_event()
    assert isinstance(command, Fetch)
    return Series.of(octets, command)


def answers(octets: bytes, *, at_once: bool) -> tuple[list[tuple[bytes, Command]], bytes]:
    """Every command with its tag, and what was said; octet by octet there is no series."""
    held = selected()
    found: list[tuple[bytes, Command]] = []
    for piece in [octets] if at_once else [octets[n : n + 1] for n in range(len(octets))]:
        held.receive(piece)
        while (event := held.next_event()) is not None:
            assert isinstance(event, Command)
            found.append((held.tag, event))
            held.finish("OK", "Done")
    return found, held.data_to_send()


@pytest.mark.parametrize(
    "octets",
    [
        b"a UID FETCH 1:2 (FLAGS)",
        b"a FETCH * (FLAGS)",
        b"a FETCH 1,2 (FLAGS)",
        b"a UID FETCH $ (FLAGS)",
    ],
)
def test_several_messages_begin_none(octets: bytes) -> None:
    assert series(octets) is None


def test_lines_are_taken_if_only_tag_and_number_differ() -> None:
    found = series(b"5 UID FETCH 5 (BODY.PEEK[5])")
    assert found is not None
    lines = [b"b2 UID FETCH 4294967295 (BODY.PEEK[5])\r\n", b"c UID FETCH 5 (BODY.PEEK[5])\r\n"]
    assert list(found.singles(b"".join(lines) + b"d UID FETCH 6 (BODY.PEEK[5])")) == [
        (b"b2", 4294967295, len(lines[0])),
        (b"c", 5, len(lines[1])),
    ]
    command = found.command(7)
    assert command.ranges == ((7, 7),)
    assert (command.items, command.by_uid) == (found.first.items, True)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"b UID FETCH 7 (BODY.PEEK[5])",
        b"b UID FETCH 7 (BODY.PEEK[5])\n",
        b"b UID FETCH 7 (BODY.PEEK[6])\r\n",
        b"b FETCH 7 (BODY.PEEK[5])\r\n",
        b"b UID FETCH 0 (BODY.PEEK[5])\r\n",
        b"b UID FETCH 07 (BODY.PEEK[5])\r\n",
        b"b UID FETCH 4294967296 (BODY.PEEK[5])\r\n",
        b"b UID FETCH 99999999999 (BODY.PEEK[5])\r\n",
        b"b UID FETCH 7:8 (BODY.PEEK[5])\r\n",
        b"b UID FETCH * (BODY.PEEK[5])\r\n",
        b"b UID FETCH  (BODY.PEEK[5])\r\n",
        b" UID FETCH 7 (BODY.PEEK[5])\r\n",
        b"b+ UID FETCH 7 (BODY.PEEK[5])\r\n",
        b"b c UID FETCH 7 (BODY.PEEK[5])\r\n",
        b"b" * 65 + b" UID FETCH 7 (BODY.PEEK[5])\r\n",
    ],
)
def test_every_other_line_is_left(line: bytes) -> None:
    found = series(b"5 UID FETCH 5 (BODY.PEEK[5])")
    assert found is not None
    assert list(found.singles(line)) == []


_LINES = st.sampled_from(
    [
        b"a UID FETCH 7 (BODY.PEEK[])\r\n",
        b"b uid fetch 8 (BODY.PEEK[])\r\n",
        b"c UID FETCH 9 (body.peek[])\r\n",
        b"d FETCH 3 FLAGS\r\n",
        b"e FETCH 4 FLAGS\r\n",
        b"f FETCH 4 FLAGS\n",
        b"g FETCH 04 FLAGS\r\n",
        b"h NOOP\r\n",
        b"UID FETCH 7 (BODY.PEEK[])\r\n",
        b"i UID FETCH 7 (BODY.PEEK[HEADER.FIELDS ({1+}\r\nx)])\r\n",
        b"j UID FETCH 8 (BODY.PEEK[HEADER.FIELDS ({1+}\r\nx)])\r\n",
        b"k UID FETCH 9 (BODY.PEEK[])",
        b"\r\n",
    ]
)


@given(st.lists(_LINES, max_size=12))
def test_with_and_without_the_same_is_read_and_said(lines: list[bytes]) -> None:
    octets = b"".join(lines)
    assert answers(octets, at_once=True) == answers(octets, at_once=False)


def test_what_follows_can_be_answered_together() -> None:
    held = selected()
    lines = [b"%d UID FETCH %d (BODY.PEEK[])\r\n" % (n, n) for n in range(4)]
    held.receive(b"".join(lines[1:]) + b"d NOOP\r\n")
    assert list(held.singles()) == []
    held.next_event()
    assert list(held.singles()) == []  # the first is not answered yet
    held.finish("OK", "Done")
    coming = list(held.singles())
    assert [(one.tag, one.number) for one in coming] == [(b"2", 2), (b"3", 3)]
    held.finish_singles(coming[:1], [b"2 ", b"OK\r\n"])
    assert held.data_to_send() == b"1 OK Done\r\n2 OK\r\n"
    assert isinstance(held.follow(), Fetch)
    assert held.tag == b"3"
    held.finish("OK", "Done")
    assert list(held.singles()) == []
    assert held.next_event() is not None
    assert held.tag == b"d"


def test_what_was_begun_is_no_further_command() -> None:
    held = selected()
    held.receive(b"a UID FETCH 1 (BODY.PEEK[])\r\nb UID FETCH 2")
    held.next_event()
    held.finish("OK", "Done")
    assert held.next_event() is None  # its end has not come
    held.receive(b" (BODY.PEEK[])\r\n")
    assert list(held.singles()) == []
    command = held.next_event()
    assert isinstance(command, Fetch)
    assert command.ranges == ((2, 2),)
