"""Commands about mailboxes: their names."""

import pytest

from postroom.protocol.imap import commands as c
from postroom.protocol.imap.modes import Modes
from postroom.protocol.imap.parse import parse_arguments, split
from postroom.protocol.imap.tokens import BadSyntax, UidRequired, Unusable


def parse(octets: bytes, modes: Modes | None = None) -> c.Command:
    _, name, reader = split(octets, modes)
    return parse_arguments(name, reader)


@pytest.mark.parametrize("name", [b'"&AC8-"', b'"\xff"', b"{2}\r\n\r\n"])
def test_bad_names_can_not_be_used(name: bytes) -> None:
    for command in (b"SELECT", b"CREATE", b"DELETE", b"SUBSCRIBE"):
        with pytest.raises(Unusable):
            parse(b"a " + command + b" " + name)


def test_names_are_utf8_for_a_client_that_asked_for_it() -> None:
    utf8 = Modes(utf8=True)
    assert parse(b'a SELECT "&-&AOQ-"') == c.Select("&\u00e4")
    assert parse(b'a SELECT "&-&AOQ-"', utf8) == c.Select("&-&AOQ-")
    assert parse('a SELECT "\u00e4&"'.encode(), utf8) == c.Select("\u00e4&")
    assert parse(b"a SELECT inbox", utf8) == c.Select("INBOX")
    for name in (b"{1}\r\n\xff", b'"a\x01"', b"{1}\r\n\x7f"):
        with pytest.raises(Unusable):
            parse(b"a SELECT " + name, utf8)
    with pytest.raises(BadSyntax):
        parse(b'a SELECT "\xff"', utf8)


@pytest.mark.parametrize(
    "octets",
    [
        *(b"FETCH 1 FLAGS", b"STORE 1 FLAGS x", b"COPY 1 x", b"MOVE 1 x", b"SEARCH ALL"),
        *(b"UID SEARCH 1", b"UID SEARCH NOT (SEEN *)", b"SELECT x (QRESYNC (1 2 (1 3)))"),
    ],
)
def test_no_message_numbers_with_uidonly(octets: bytes) -> None:
    _, name, reader = split(b"a " + octets, Modes(uidonly=True, qresync=True))
    with pytest.raises(UidRequired):
        parse_arguments(name, reader)


def test_uids_are_fine_with_uidonly() -> None:
    for octets in (b"UID FETCH 1 FLAGS", b"UID SEARCH UID 1 $", b"SELECT x (QRESYNC (1 2 3))"):
        _, name, reader = split(b"a " + octets, Modes(uidonly=True, qresync=True))
        parse_arguments(name, reader)


def read(octets: bytes, *, qresync: bool = True) -> c.Command:
    _, name, reader = split(b"a " + octets, Modes(qresync=qresync))
    return parse_arguments(name, reader)


def test_parameters_of_select() -> None:
    assert read(b"SELECT x (condstore)") == c.Select("x", True)
    assert read(b"EXAMINE x (QRESYNC (67890007 20050715194045000))") == c.Examine(
        "x", False, c.Resync(67890007, 20050715194045000)
    )
    assert read(b"SELECT x (QRESYNC (1 2 41,43:211) CONDSTORE)") == c.Select(
        "x", True, c.Resync(1, 2, ((41, 41), (43, 211)))
    )
    assert read(b"SELECT x (QRESYNC (1 2 1:9 (1,5 3,8)))") == c.Select(
        "x", False, c.Resync(1, 2, ((1, 9),), ((1, 1), (5, 5)), ((3, 3), (8, 8)))
    )
    assert read(b"SELECT x (QRESYNC (1 2 (1 3)))") == c.Select(
        "x", False, c.Resync(1, 2, None, ((1, 1),), ((3, 3),))
    )


@pytest.mark.parametrize(
    "octets",
    [
        b"()", b"(QRESYNC)", b"(QRESYNC (1))", b"(QRESYNC (1 2 *))", b"(QRESYNC (1 2 1:*))",
        b"(QRESYNC (1 2 (1 2 3)))", b"(QRESYNC (1 2 1 (1)))", b"(QRESYNC (1 2 1 1))",
        b"(QRESYNC (1 2 0))", b"(QRESYNC (4294967296 2))", b"(QRESYNC (1 9223372036854775808))",
        b"(QRESYNC (1 2) QRESYNC (1 2))", b"(CONDSTORE", b"(X)", b"CONDSTORE", b"(CONDSTORE) ",
    ],
)  # fmt: skip
def test_bad_parameters_of_select(octets: bytes) -> None:
    with pytest.raises(BadSyntax):
        read(b"SELECT x " + octets)


def test_qresync_has_to_be_enabled() -> None:
    with pytest.raises(BadSyntax):
        read(b"SELECT x (QRESYNC (1 2))", qresync=False)
