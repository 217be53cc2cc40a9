"""Commands about access control lists."""

import pytest

from postroom.protocol.imap.commands import Command, DeleteAcl, GetAcl, ListRights, MyRights, SetAcl
from postroom.protocol.imap.parse import parse_arguments, split
from postroom.protocol.imap.parse_acl import MAX_IDENTIFIER
from postroom.protocol.imap.tokens import BadSyntax


def parse(line: bytes) -> Command:
    _, name, reader = split(b"a " + line)
    return parse_arguments(name, reader)


@pytest.mark.parametrize(
    ("line", "command"),
    [
        (b"SETACL INBOX bob@x.test lrs", SetAcl("INBOX", "bob@x.test", "replace", "lrs")),
        (b'setacl "a b" "bob" "+w"', SetAcl("a b", "bob", "add", "w")),
        (b"SETACL x -bob -cd9", SetAcl("x", "-bob", "remove", "cd9")),
        (b'SETACL x anyone ""', SetAcl("x", "anyone", "replace", "")),
        (b"SETACL x bob +", SetAcl("x", "bob", "add", "")),
        (b"SETACL x {5+}\r\nb\xc3\xb6b@ {1+}\r\nl", SetAcl("x", "böb@", "replace", "l")),
        # SASLprep: compatibility forms, letters that map to nothing
        (b"SETACL x {5+}\r\n\xef\xbd\x81\xc2\xad l", SetAcl("x", "a", "replace", "l")),
        (b"DELETEACL inbox bob", DeleteAcl("INBOX", "bob")),
        (b"GETACL inbox", GetAcl("INBOX")),
        (b"LISTRIGHTS x @y.test", ListRights("x", "@y.test")),
        (b"MYRIGHTS x", MyRights("x")),
    ],
)
def test_reads(line: bytes, command: Command) -> None:
    assert parse(line) == command


@pytest.mark.parametrize(
    "line",
    [
        b"SETACL",
        b"SETACL x",
        b"SETACL x bob",
        b"SETACL x bob lrS",
        b"SETACL x bob l+r",
        b"SETACL x bob ++l",
        b"SETACL x bob " + b"l" * 65,
        b'SETACL x "" l',
        b"SETACL x {2+}\r\n\xc2\xad l",  # nothing is left of it
        b"SETACL x {2+}\r\n\xff\xff l",
        b"SETACL x {3+}\r\na\x01b l",
        b"SETACL x %s l" % (b"b" * (MAX_IDENTIFIER + 1)),
        b"SETACL x bob l more",
        b"DELETEACL x",
        b"DELETEACL x bob l",
        b"GETACL",
        b"GETACL x bob",
        b"LISTRIGHTS x",
        b"MYRIGHTS x y",
    ],
)
def test_refuses(line: bytes) -> None:
    with pytest.raises(BadSyntax):
        parse(line)
