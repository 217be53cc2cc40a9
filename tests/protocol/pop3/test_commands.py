import pytest
from hypothesis import given, strategies as st

from postroom.protocol.pop3.commands import (
    Auth,
    BadCommand,
    Command,
    Dele,
    Listing,
    Pass,
    Plain,
    Retr,
    User,
    parse_command,
)


@pytest.mark.parametrize(
    ("line", "command"),
    [
        (b"USER alice@example.org", User("alice@example.org")),
        (b"pass two words ", Pass("two words ")),
        (b"PASS", Pass("")),
        (b"AUTH", Auth("", None)),
        (b"auth plain", Auth("PLAIN", None)),
        (b"AUTH PLAIN =", Auth("PLAIN", b"=")),
        (b"LIST", Listing("LIST", None)),
        (b"LIST 3", Listing("LIST", 3)),
        (b"uidl 1", Listing("UIDL", 1)),
        (b"RETR 10", Retr(10, None)),
        (b"TOP 1 0", Retr(1, 0)),
        (b"DELE 2", Dele(2)),
        (b"Quit", Plain("QUIT")),
    ],
)
def test_a_line_is_read(line: bytes, command: Command) -> None:
    assert parse_command(line) == command


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"XYZZY",
        b"USER",
        b"USER a\x00b",
        b"USER \xff",
        b"RETR",
        b"RETR x",
        b"RETR -1",
        b"RETR 99999999999999999999",
        b"TOP 1",
        b"TOP 1 x",
        b"STAT 1",
        b"QUIT now",
    ],
)
def test_a_bad_line_is_refused(line: bytes) -> None:
    with pytest.raises(BadCommand):
        parse_command(line)


@given(st.binary(max_size=300))
def test_any_octets_give_a_command_or_bad_command(line: bytes) -> None:
    try:
        parse_command(line)
    except BadCommand as error:
        assert str(error).isprintable()
