"""Commands about mailboxes: their names."""

import pytest

from postroom.protocol.imap import commands as c
from postroom.protocol.imap.modes import Modes
from postroom.protocol.imap.parse import parse_arguments, split
from postroom.protocol.imap.tokens import Unusable


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
    for name in (b'"\xff"', b'"a\x01"', b"{1}\r\n\x7f"):
        with pytest.raises(Unusable):
            parse(b"a SELECT " + name, utf8)
