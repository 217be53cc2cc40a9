"""Commands about messages: by number or by UID."""

import pytest

from postroom.protocol.imap import commands as c
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
