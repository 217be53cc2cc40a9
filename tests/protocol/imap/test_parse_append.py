"""APPEND but for its messages."""

import pytest

from postroom.protocol.imap import commands as c
from postroom.protocol.imap.events import (
    AppendEvent,
    LiteralOffered,
    MessageBegins,
    MessagesEnd,
    UrlGiven,
)
from postroom.protocol.imap.modes import Modes
from postroom.protocol.imap.parse import split
from postroom.protocol.imap.parse_append import MessageReader, brings_messages, parse_append
from postroom.protocol.imap.sets import STAR
from postroom.protocol.imap.tokens import BadSyntax, CutLiteral, Reader, UidRequired, Unusable

PLAIN = MessageBegins(0, frozenset(), None)


def append(*segments: bytes) -> list[c.Command | AppendEvent]:
    _, name, reader = split(segments[0])
    assert brings_messages(name, reader)
    command = parse_append(name, reader)
    said: list[c.Command | AppendEvent] = [command]
    messages = MessageReader(single=isinstance(command, c.Replace))
    said += messages.read(reader)
    for segment in segments[1:]:
        said += messages.read(Reader(segment))
    return said


def test_one_message() -> None:
    assert append(b"a APPEND x {3}\r\n", b"") == [
        c.Append("x"),
        PLAIN,
        LiteralOffered(3, is_synchronising=True),
        MessagesEnd(),
    ]
    full = append(b'a APPEND "x" (\\Seen k) " 1-Jan-1970 00:00:01 +0000" {310+}\r\n')
    assert full == [
        c.Append("x"),
        MessageBegins(1, frozenset(["k"]), 1000),
        LiteralOffered(310, is_synchronising=False),
    ]


def test_several_messages() -> None:
    second = b' (\\Draft) " 1-Jan-1970 00:00:02 +0000" {4+}\r\n'
    assert append(b"a APPEND x {3}\r\n", second, b" () {5}\r\n", b"") == [
        c.Append("x"),
        PLAIN,
        LiteralOffered(3, is_synchronising=True),
        MessageBegins(16, frozenset(), 2000),
        LiteralOffered(4, is_synchronising=False),
        PLAIN,
        LiteralOffered(5, is_synchronising=True),
        MessagesEnd(),
    ]


def test_literal8_and_utf8() -> None:
    begin = [c.Append("x"), PLAIN]
    offered = LiteralOffered(3, is_synchronising=False, is_binary=True)
    assert append(b"a APPEND x ~{3+}\r\n", b"") == [*begin, offered, MessagesEnd()]
    said = append(b"a APPEND x utf8 (~{3+}\r\n", b") () UTF8 (~{4}\r\n", b")")
    assert said == [
        *begin,
        offered,
        PLAIN,
        LiteralOffered(4, is_synchronising=True, is_binary=True),
        MessagesEnd(),
    ]


def test_catenate() -> None:
    part = LiteralOffered(3, is_synchronising=True, is_part=True)
    said = append(
        b'a APPEND x () CATENATE (URL "/a/;UID=1" TEXT {3}\r\n',
        b" utf8 (~{3+}\r\n",
        b") URL {7}\r\n;UID=20 url /b/;UID=1 text ~{3}\r\n",
        b") (\\Seen) CATENATE (URL x) {3}\r\n",
        b"",
    )
    assert said == [
        c.Append("x"),
        PLAIN,
        UrlGiven(b"/a/;UID=1"),
        part,
        LiteralOffered(3, is_synchronising=False, is_binary=True, is_part=True),
        UrlGiven(b";UID=20"),
        UrlGiven(b"/b/;UID=1"),
        LiteralOffered(3, is_synchronising=True, is_binary=True, is_part=True),
        MessageBegins(1, frozenset(), None),
        UrlGiven(b"x"),
        PLAIN,
        LiteralOffered(3, is_synchronising=True),
        MessagesEnd(),
    ]
    assert append(b"a APPEND x CATENATE (URL x)")[1:] == [PLAIN, UrlGiven(b"x"), MessagesEnd()]
    with pytest.raises(CutLiteral):
        append(b"a APPEND x CATENATE (URL {3}\r\n")


def test_replace() -> None:
    offered = LiteralOffered(3, is_synchronising=True)
    said = append(b"a REPLACE 4 x {3}\r\n", b"")
    assert said == [c.Replace(4, by_uid=False, mailbox="x"), PLAIN, offered, MessagesEnd()]
    said = append(b"a uid Replace * x {3}\r\n")
    assert said == [c.Replace(STAR, by_uid=True, mailbox="x"), PLAIN, offered]
    for command in (b"a REPLACE x", b"a UID REPLACEX 1 x", b"a UID FETCH 1 x", b"a STORE 1 x"):
        _, name, reader = split(command)
        assert brings_messages(name, reader) is (command == b"a REPLACE x")


def test_replace_by_number_is_not_for_who_wants_uids_only() -> None:
    for command in (b"a REPLACE 1 x", b"a UID REPLACE 1 x"):
        _, name, reader = split(command, Modes(uidonly=True))
        if name == b"UID":
            assert parse_append(name, reader) == c.Replace(1, by_uid=True, mailbox="x")
            continue
        with pytest.raises(UidRequired):
            parse_append(name, reader)


@pytest.mark.parametrize(
    "segments",
    [
        (b"a APPEND x",),
        (b"a APPEND x ",),
        (b"a APPEND x x {3}\r\n",),
        (b"a APPEND x () x {3}\r\n",),
        (b'a APPEND x "yesterday" {3}\r\n',),
        (b'a APPEND x " 1-Jan-1970 00:00:01 +0000" () {3}\r\n',),
        (b"a APPEND x {3}\r\nabc {3}\r\n",),
        (b"a APPEND x (\\Recent) {3}\r\n",),
        (b"a APPEND x  {3}\r\n",),
        (b"a APPEND x {3}\r\n", b" "),
        (b"a APPEND x {3}\r\n", b"x"),
        (b"a APPEND x {3}\r\n", b"{3}\r\n"),
        (b"a APPEND x {3}\r\n", b" ()"),
        (b"a APPEND x {3}\r\n", b" x {3}\r\n"),
        (b"a APPEND x CATENATE",),
        (b"a APPEND x CATENATE ()",),
        (b"a APPEND x CATENATE (URL)",),
        (b"a APPEND x CATENATE (URL x",),
        (b"a APPEND x CATENATE (URL x ",),
        (b"a APPEND x CATENATE (URL x )",),
        (b"a APPEND x CATENATE (URL xTEXT {3}\r\n",),
        (b"a APPEND x CATENATE ({3}\r\n",),
        (b"a APPEND x CATENATE (TEXT x)",),
        (b"a APPEND x CATENATE (FOO {3}\r\n",),
        (b"a APPEND x CATENATE (UTF8 (~{3}\r\n", b")"),
        (b"a APPEND x CATENATE (TEXT {3}\r\n", b""),
        (b"a APPEND x CATENATE (TEXT {3}\r\n", b"))"),
        (b"a APPEND x URL y",),
        (b"a APPEND x TEXT {3}\r\n",),
        (b"a REPLACE x {3}\r\n",),
        (b"a REPLACE 0 x {3}\r\n",),
        (b"a REPLACE 1:2 x {3}\r\n",),
        (b"a REPLACE 1,2 x {3}\r\n",),
        (b"a UID REPLACE 1 {3}\r\nabc x {3}\r\n",),
        (b"a REPLACE 1 x {3}\r\n", b" {3}\r\n"),
        (b"a APPEND x ~",),
        (b"a APPEND x ~ {3}\r\n",),
        (b"a APPEND x UTF8",),
        (b"a APPEND x UTF8 ~{3}\r\n",),
        (b"a APPEND x UTF8 ({3}\r\n",),
        (b"a APPEND x UTF8 (~{3}\r\nabc {3}\r\n",),
        (b"a APPEND x UTF8 (~{3}\r\n", b""),
        (b"a APPEND x UTF8 (~{3}\r\n", b" ~{3}\r\n"),
        (b"a APPEND x UTF8 (~{3}\r\n", b"))"),
        (b"a APPEND x ~{3}\r\n", b")"),
    ],
)
def test_bad_syntax(segments: tuple[bytes, ...]) -> None:
    with pytest.raises(BadSyntax):
        append(*segments)


def test_the_mailbox_name() -> None:
    with pytest.raises(CutLiteral):
        append(b"a APPEND {3}\r\n")
    with pytest.raises(Unusable):
        append(b"a APPEND & {3}\r\n")
