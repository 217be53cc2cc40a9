"""Commands about annotations."""

import pytest

from postroom.protocol.imap.commands import Command, GetMetadata, SetMetadata
from postroom.protocol.imap.parse import parse_arguments, split
from postroom.protocol.imap.parse_metadata import MAX_ENTRIES
from postroom.protocol.imap.tokens import BadSyntax

A, B = "/private/a", "/shared/b"


def parse(line: bytes) -> Command:
    _, name, reader = split(b"a " + line)
    return parse_arguments(name, reader)


@pytest.mark.parametrize(
    ("line", "command"),
    [
        (b'getmetadata "" /shared/b', GetMetadata("", (B,))),
        (b"GETMETADATA inbox /private/a", GetMetadata("INBOX", (A,))),
        (b'GETMETADATA x (/private/a "/shared/b")', GetMetadata("x", (A, B))),
        (b'GETMETADATA x ("/shared/b" /private/a)', GetMetadata("x", (B, A))),
        (b"GETMETADATA x /private/a /shared/b", GetMetadata("x", (A, B))),
        (b"GETMETADATA x {10}\r\n/private/a", GetMetadata("x", (A,))),
        (b"GETMETADATA (maxsize 9) x (/private/a)", GetMetadata("x", (A,), 9)),
        (b"GETMETADATA x (depth INFINITY) /private/a", GetMetadata("x", (A,), None, "infinity")),
        (b"GETMETADATA (DEPTH 1 MAXSIZE 0) x /private/a", GetMetadata("x", (A,), 0, "1")),
        (b'SETMETADATA "" (/private/a "v")', SetMetadata("", ((A, b"v"),))),
        (
            b"SETMETADATA x (/private/a nil /shared/b ~{3}\r\n\0\r\n)",
            SetMetadata("x", ((A, None), (B, b"\0\r\n"))),
        ),
        (b"SETMETADATA x (/private/a {1+}\r\n\xff)", SetMetadata("x", ((A, b"\xff"),))),
    ],
)
def test_reads(line: bytes, command: Command) -> None:
    assert parse(line) == command


@pytest.mark.parametrize(
    "line",
    [
        b"GETMETADATA",
        b"GETMETADATA x",
        b"GETMETADATA x ()",
        b"GETMETADATA x (/private/a",
        b"GETMETADATA x comment",
        b"GETMETADATA () x /private/a",
        b"GETMETADATA (DEPTH 2) x /private/a",
        b"GETMETADATA (DEPTH 1 DEPTH 1) x /private/a",
        b"GETMETADATA (MAXSIZE 1 MAXSIZE 1) x /private/a",
        b"GETMETADATA (MAXSIZE) x /private/a",
        b"GETMETADATA (SIZE 1) x /private/a",
        b"GETMETADATA (DEPTH 1) x (MAXSIZE 1) /private/a",
        b"GETMETADATA x (%s)" % b" ".join([b"/private/a"] * (MAX_ENTRIES + 1)),
        b"SETMETADATA x",
        b"SETMETADATA x ()",
        b'SETMETADATA x /private/a "v"',
        b"SETMETADATA x (/private/a)",
        b"SETMETADATA x (/private/a v)",
        b'SETMETADATA x (/private "v")',
        b'SETMETADATA x (/private/a "v" /Private/A "v")',
        b"SETMETADATA x (/private/a ~{9}\r\nv)",
        b"SETMETADATA x (/private/a {1}\r\n\0)",
        b"SETMETADATA x (%s)" % b" ".join(b"/private/%d NIL" % n for n in range(MAX_ENTRIES + 1)),
    ],
)
def test_refuses(line: bytes) -> None:
    with pytest.raises(BadSyntax):
        parse(line)
