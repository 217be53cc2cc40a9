"""Commands about authorized URLs."""

import pytest

from postroom.protocol.imap.commands import Command, GenUrlAuth, ResetKey, UrlFetch
from postroom.protocol.imap.parse import parse_arguments, split
from postroom.protocol.imap.parse_urlauth import MAX_URLS
from postroom.protocol.imap.tokens import BadSyntax


def parse(line: bytes) -> Command:
    _, name, reader = split(b"a " + line)
    return parse_arguments(name, reader)


@pytest.mark.parametrize(
    ("line", "command"),
    [
        (b"GENURLAUTH x internal", GenUrlAuth(((b"x", b"INTERNAL"),))),
        (
            b'genurlauth "x" INTERNAL {1+}\r\ny INTERNAL',
            GenUrlAuth(((b"x", b"INTERNAL"), (b"y", b"INTERNAL"))),
        ),
        (b"RESETKEY", ResetKey()),
        (b"RESETKEY inbox", ResetKey("INBOX")),
        (b"RESETKEY x INTERNAL", ResetKey("x")),
        (b"URLFETCH x y", UrlFetch(((b"x", ()), (b"y", ())))),
        (
            b"URLFETCH (x) (y binary BODYPARTSTRUCTURE binary)",
            UrlFetch(((b"x", (b"BODY",)), (b"y", (b"BINARY", b"BODYPARTSTRUCTURE")))),
        ),
    ],
)
def test_reads(line: bytes, command: Command) -> None:
    assert parse(line) == command


@pytest.mark.parametrize(
    "line",
    [
        b"GENURLAUTH",
        b"GENURLAUTH x",
        b"GENURLAUTH x OTHER",
        b"GENURLAUTH " + b" ".join([b"x INTERNAL"] * (MAX_URLS + 1)),
        b"RESETKEY x OTHER",
        b"URLFETCH",
        b"URLFETCH ()",
        b"URLFETCH (x",
        b"URLFETCH (x NOTHING)",
        b"URLFETCH (x BODY BINARY)",
        b"URLFETCH " + b" ".join([b"x"] * (MAX_URLS + 1)),
    ],
)
def test_refuses(line: bytes) -> None:
    with pytest.raises(BadSyntax):
        parse(line)
