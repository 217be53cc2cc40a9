import base64

import pytest
from hypothesis import given, strategies as st

from postroom.protocol.managesieve.commands import (
    Authenticate,
    CheckScript,
    Command,
    DeleteScript,
    GetScript,
    HaveSpace,
    Noop,
    Plain,
    PutScript,
    RenameScript,
    SetActive,
)
from postroom.protocol.managesieve.input import Desynchronised, Input, Literal
from postroom.protocol.managesieve.parse import BadCommand, parse, parse_response


def command(octets: bytes) -> Command:
    source = Input()
    source.feed(octets + b"\r\n")
    pieces = source.command(1000)
    assert pieces is not None
    return parse(pieces)


def response(octets: bytes) -> bytes | None:
    source = Input()
    source.feed(octets + b"\r\n")
    pieces = source.command(1000)
    assert pieces is not None
    return parse_response(pieces)


@pytest.mark.parametrize(
    ("octets", "read"),
    [
        (b"CAPABILITY", Plain("CAPABILITY")),
        (b"logout", Plain("LOGOUT")),
        (b"StartTls  ", Plain("STARTTLS")),
        (b"LISTSCRIPTS", Plain("LISTSCRIPTS")),
        (b"UNAUTHENTICATE", Plain("UNAUTHENTICATE")),
        (b"NOOP", Noop(None)),
        (b'NOOP "x\\"\\\\"', Noop(b'x"\\')),
        (b"NOOP {3+}\r\na\r\n", Noop(b"a\r\n")),
        (b'AUTHENTICATE "plain"', Authenticate("PLAIN", None)),
        (b'AUTHENTICATE "PLAIN" ""', Authenticate("PLAIN", b"")),
        (b'AUTHENTICATE "PLAIN" {4+}\r\nYWJj', Authenticate("PLAIN", b"abc")),
        (b'HAVESPACE "a" 4294967295', HaveSpace("a", 4294967295)),
        (b'PUTSCRIPT "a" "keep;"', PutScript("a", b"keep;", 5)),
        (b"PUTSCRIPT {1+}\r\na {6+}\r\nke\r\n;\n", PutScript("a", b"ke\r\n;\n", 6)),
        (b'PUTSCRIPT "\xc3\xa4" {1001+}\r\n' + b"x" * 1001, PutScript("ä", None, 1001)),
        (b'CHECKSCRIPT ""', CheckScript(b"", 0)),
        (b'SETACTIVE ""', SetActive("")),
        (b'getscript "a b"', GetScript("a b")),
        (b'DELETESCRIPT "../x"', DeleteScript("../x")),
        (b'RENAMESCRIPT "a" {1+}\r\nb', RenameScript("a", "b")),
    ],
)
def test_a_command_is_read(octets: bytes, read: Command) -> None:
    assert command(octets) == read


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b" NOOP",
        b"XYZZY",
        b'"NOOP"',
        b"NOOP x",
        b'NOOP"x"',
        b'NOOP "x',
        b'NOOP "x"y',
        b'NOOP "\\x"',
        b'NOOP "\xff"',
        b"NOOP{1+}\r\nx",
        b"NOOP {1+}\r\nx{0+}\r\n",
        b'NOOP {1+}\r\nx"y"',
        b'NOOP "a" "b"',
        b"NOOP {1000+}\r\n" + b"\xff" * 1000,
        b"LOGOUT now",
        b"AUTHENTICATE",
        b"AUTHENTICATE PLAIN",
        b'AUTHENTICATE "PLAIN" "="',
        b'AUTHENTICATE "PLAIN" "a" "b"',
        b'HAVESPACE "a"',
        b'HAVESPACE "a" "5"',
        b'HAVESPACE "a" 4294967296',
        b'HAVESPACE "a" 99999999999',
        b'HAVESPACE "a" -1',
        b'PUTSCRIPT "a"',
        b'PUTSCRIPT "a" keep',
        b"CHECKSCRIPT keep",
        b"SETACTIVE",
        b"SETACTIVE 7",
        b'GETSCRIPT "' + b"x" * 513 + b'"',
        b"GETSCRIPT {1001+}\r\n" + b"x" * 1001,
        b'RENAMESCRIPT "a"',
        b"NOOP " + b'"" ' * 4000,
    ],
)
def test_a_bad_command_is_refused(octets: bytes) -> None:
    with pytest.raises(BadCommand) as error:
        command(octets)
    assert str(error.value).isprintable()


def test_a_response_is_a_string_of_base64_or_a_star() -> None:
    encoded = base64.b64encode(b"\0a\0b")
    assert response(b'"' + encoded + b'"') == b"\0a\0b"
    assert response(b"{%d+}\r\n%b" % (len(encoded), encoded)) == b"\0a\0b"
    assert response(b'""') == b""
    for star in (b'"*"', b"*", b"{1+}\r\n*"):
        assert response(star) is None
    for bad in (b"", encoded, b'"a"', b'"' + encoded + b'" "x"', b'"YWJj*"'):
        with pytest.raises(BadCommand):
            response(bad)


@given(st.text(max_size=120), st.binary(max_size=100))
def test_any_name_and_script_arrive_as_they_were(name: str, script: bytes) -> None:
    octets = name.encode()
    line = b"PUTSCRIPT {%d+}\r\n%b {%d+}\r\n%b" % (len(octets), octets, len(script), script)
    assert command(line) == PutScript(name, script, len(script))


@given(st.binary(max_size=200))
def test_any_octets_give_a_command_or_bad_command(octets: bytes) -> None:
    source = Input()
    source.feed(octets + b"\r\n")
    try:
        pieces = source.command(100)
        if pieces is not None:
            parse(pieces)
    except (BadCommand, Desynchronised) as error:
        assert str(error).isprintable()


def test_a_literal_that_was_passed_over_is_known_by_its_size() -> None:
    assert parse([b"CHECKSCRIPT ", Literal(None, 10**6), b""]) == CheckScript(None, 10**6)
