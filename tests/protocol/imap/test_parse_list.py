"""LIST and LSUB."""

import pytest

from postroom.protocol.imap.commands import List, Lsub
from postroom.protocol.imap.parse_list import parse_list, parse_lsub
from postroom.protocol.imap.tokens import BadSyntax, Reader, Unusable


@pytest.mark.parametrize(
    ("text", "command"),
    [
        (b'"" ""', List("", ("",))),
        (b'"" *', List("", ("*",))),
        (b'a/ "b%"', List("a/", ("b%",))),
        (b'"" &APw-*', List("", ("ü*",))),
        (b'(SPECIAL-USE) "" *', List("", ("*",), frozenset([b"SPECIAL-USE"]), is_extended=True)),
        (b'"" (*)', List("", ("*",), is_extended=True)),
        (
            b'(subscribed RecursiveMatch) "" % return (status (unseen messages) myrights)',
            List(
                "",
                ("%",),
                frozenset([b"SUBSCRIBED", b"RECURSIVEMATCH"]),
                frozenset([b"MYRIGHTS"]),
                (b"UNSEEN", b"MESSAGES"),
                is_extended=True,
            ),
        ),
        (
            b'() "" (a "b") RETURN (special-use CHILDREN)',
            List(
                "",
                ("a", "b"),
                frozenset(),
                frozenset([b"SPECIAL-USE", b"CHILDREN"]),
                is_extended=True,
            ),
        ),
    ],
)
def test_reads(text: bytes, command: List) -> None:
    assert parse_list(Reader(text)) == command


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b'""',
        b'"" ',
        b'(FOO) "" *',
        b'"" * FOO ()',
        b'"" * RETURN (FOO)',
        b'"" * RETURN',
        b'"" * RETURN (STATUS)',
        b'"" * RETURN (STATUS ())',
        b'"" * RETURN (STATUS (FOO))',
        b'"" * RETURN ( CHILDREN)',
        b'(RECURSIVEMATCH) "" *',
        b'(REMOTE RECURSIVEMATCH) "" *',
        b'"" ()',
        b'"" (a b',
        b'"" (' + b"a " * 30 + b"a)",
        b'"" {2000000000}',
    ],
)
def test_refuses(text: bytes) -> None:
    with pytest.raises(BadSyntax):
        parse_list(Reader(text))


def test_a_bad_name_can_not_be_used() -> None:
    with pytest.raises(Unusable):
        parse_list(Reader(b'"" &'))
    with pytest.raises(Unusable):
        parse_lsub(Reader(b'"" "caf\xe9"'))


def test_lsub() -> None:
    assert parse_lsub(Reader(b'"" %')) == Lsub("", "%")
