"""Commands about quotas."""

import pytest

from postroom.protocol.imap.commands import Command, GetQuota, GetQuotaRoot, SetQuota
from postroom.protocol.imap.parse import parse_arguments, split
from postroom.protocol.imap.tokens import BadSyntax


def parse(line: bytes) -> Command:
    _, name, reader = split(b"a " + line)
    return parse_arguments(name, reader)


@pytest.mark.parametrize(
    ("line", "command"),
    [
        (b'GETQUOTA ""', GetQuota("")),
        (b"getquota a@x.test", GetQuota("a@x.test")),
        (b"GETQUOTAROOT inbox", GetQuotaRoot("INBOX")),
        (b"SETQUOTA x ()", SetQuota("x")),
        (
            b"SETQUOTA x (storage 512 MESSAGE 9)",
            SetQuota("x", ((b"STORAGE", 512), (b"MESSAGE", 9))),
        ),
    ],
)
def test_reads(line: bytes, command: Command) -> None:
    assert parse(line) == command


@pytest.mark.parametrize(
    "line",
    [
        b"GETQUOTA",
        b"GETQUOTA a b",
        b"GETQUOTA {1+}\r\n\xff",
        b"GETQUOTA " + b"a" * 2000,
        b"GETQUOTAROOT",
        b"SETQUOTA x",
        b"SETQUOTA x (STORAGE)",
        b"SETQUOTA x (STORAGE -1)",
        b"SETQUOTA x (STORAGE 1",
        b"SETQUOTA x (STORAGE 1 STORAGE 1)",
        b"SETQUOTA x (STORAGE 9223372036854775808)",
    ],
)
def test_refuses(line: bytes) -> None:
    with pytest.raises(BadSyntax):
        parse(line)
