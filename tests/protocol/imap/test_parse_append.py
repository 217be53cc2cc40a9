"""APPEND up to its message."""

import pytest

from postroom.protocol.imap import commands as c
from postroom.protocol.imap.parse import split
from postroom.protocol.imap.parse_append import parse_append
from postroom.protocol.imap.tokens import BadSyntax, CutLiteral, Unusable


def append(octets: bytes) -> c.Append:
    return parse_append(split(octets)[2])


def test_append() -> None:
    assert append(b"a APPEND x {3}\r\n") == c.Append("x", 0, frozenset(), None, 3, True)
    full = append(b'a APPEND "x" (\\Seen k) " 1-Jan-1970 00:00:01 +0000" {310+}\r\n')
    assert full == c.Append("x", 1, frozenset(["k"]), 1000, 310, False)
    with pytest.raises(CutLiteral):
        append(b"a APPEND {3}\r\n")
    for octets in (
        b"a APPEND x",
        b"a APPEND x x {3}\r\n",
        b"a APPEND x () x {3}\r\n",
        b'a APPEND x "yesterday" {3}\r\n',
        b"a APPEND x {3}\r\nabc {3}\r\n",
        b"a APPEND x (\\Recent) {3}\r\n",
    ):
        with pytest.raises(BadSyntax):
            append(octets)
    with pytest.raises(Unusable):
        append(b"a APPEND & {3}\r\n")
