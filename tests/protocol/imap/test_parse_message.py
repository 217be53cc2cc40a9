"""Commands about messages: by number or by UID."""

import pytest

from postroom.protocol.imap import commands as c
from postroom.protocol.imap.esearch import Partial
from postroom.protocol.imap.fetch import Attribute
from postroom.protocol.imap.modes import Modes
from postroom.protocol.imap.parse import parse_arguments, split
from postroom.protocol.imap.parse_message import parse_copy, parse_uid
from postroom.protocol.imap.tokens import BadSyntax, Reader


def test_uid_says_what_the_numbers_are() -> None:
    for octets, parse, by_uid in (
        (b"1:2 x", parse_copy, False),
        (b"COPY 1:2 x", parse_uid, True),
    ):
        assert parse(Reader(octets)) == c.Copy(((1, 2),), "x", by_uid)


@pytest.mark.parametrize("octets", [b"NOOP 1", b"CLOSE", b"", b"COPY", b"COPY x y"])
def test_only_commands_with_numbers_have_a_uid_form(octets: bytes) -> None:
    with pytest.raises(BadSyntax):
        parse_uid(Reader(octets))


def read(octets: bytes, *, qresync: bool = False) -> c.Command:
    _, name, reader = split(b"a " + octets, Modes(qresync=qresync))
    return parse_arguments(name, reader)


def test_modifiers() -> None:
    flags = (Attribute.FLAGS,)
    assert read(b"FETCH 1 FLAGS (CHANGEDSINCE 5)") == c.Fetch(((1, 1),), flags, False, 5)
    assert read(b"UID FETCH 1 FLAGS (vanished changedsince 0)", qresync=True) == c.Fetch(
        ((1, 1),), flags, True, 0, True
    )
    assert read(b"STORE 1 (UNCHANGEDSINCE 7) -FLAGS.SILENT x") == c.Store(
        ((1, 1),), "remove", 0, frozenset({"x"}), True, False, 7
    )


@pytest.mark.parametrize(
    "octets",
    [
        b"FETCH 1 FLAGS (CHANGEDSINCE)",
        b"FETCH 1 FLAGS (CHANGEDSINCE 1",
        b"FETCH 1 FLAGS (CHANGEDSINCE 1 CHANGEDSINCE 2)",
        b"FETCH 1 FLAGS (CHANGEDSINCE 9223372036854775808)",
        b"FETCH 1 FLAGS ()",
        b"FETCH 1 FLAGS (VANISHED)",
        b"FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)",
        b"UID FETCH 1 FLAGS (VANISHED)",
        b"STORE 1 () FLAGS x",
        b"STORE 1 (UNCHANGEDSINCE 1 UNCHANGEDSINCE 1) FLAGS x",
        b"STORE 1 (UNCHANGEDSINCE x) FLAGS x",
        b"STORE 1 (UNCHANGEDSINCE 1)FLAGS x",
    ],
)
def test_bad_modifiers(octets: bytes) -> None:
    with pytest.raises(BadSyntax):
        read(octets, qresync=True)


def test_vanished_is_for_who_has_enabled_qresync() -> None:
    with pytest.raises(BadSyntax):
        read(b"UID FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)")


def test_partial_is_a_modifier_of_uid_fetch() -> None:
    flags = (Attribute.FLAGS,)
    expected = c.Fetch(((1, 1),), flags, True, 5, False, Partial(-1, -30))
    assert read(b"UID FETCH 1 FLAGS (PARTIAL -1:-30 CHANGEDSINCE 5)") == expected
    assert read(b"UID FETCH 1 FLAGS (CHANGEDSINCE 5 PARTIAL -1:-30)") == expected
    for octets in (
        b"FETCH 1 FLAGS (PARTIAL 1:2)",
        b"UID FETCH 1 FLAGS (PARTIAL 1:2 PARTIAL 1:2)",
        b"UID FETCH 1 FLAGS (PARTIAL)",
        b"UID FETCH 1 FLAGS (PARTIAL 1:*)",
    ):
        with pytest.raises(BadSyntax):
            read(octets)
