import pytest
from hypothesis import given, strategies as st

from postroom.protocol.managesieve import responses
from postroom.protocol.managesieve.commands import Noop
from postroom.protocol.managesieve.input import Input
from postroom.protocol.managesieve.parse import parse


@pytest.mark.parametrize(
    ("octets", "string"),
    [
        (b"", b'""'),
        (b'a"b\\c', b'"a\\"b\\\\c"'),
        ("ä".encode(), b'"\xc3\xa4"'),
        (b"a\r\nb", b"{4}\r\na\r\nb"),
        (b"\0", b"{1}\r\n\0"),
        (b"x" * 1024, b'"' + b"x" * 1024 + b'"'),
        (b"x" * 1025, b"{1025}\r\n" + b"x" * 1025),
    ],
)
def test_a_string_is_quoted_or_a_literal(octets: bytes, string: bytes) -> None:
    assert responses.string(octets) == string


@given(st.text(max_size=200))
def test_nothing_breaks_out_of_a_string(text: str) -> None:
    string = responses.string(text.encode())
    source = Input()
    source.feed(b"NOOP " + string.replace(b"}\r\n", b"+}\r\n", 1) + b"\r\n")
    if string.startswith(b"{") or b"}\r\n" not in string:
        pieces = source.command(1000)
        assert pieces is not None
        assert parse(pieces) == Noop(text.encode())


def test_answers_have_codes_and_texts() -> None:
    assert responses.answer("OK") == b"OK\r\n"
    assert responses.answer("NO", "two\r\nlines", b"WARNINGS") == (
        b"NO (WARNINGS) {10}\r\ntwo\r\nlines\r\n"
    )
    assert (
        responses.answer("OK", "Done", responses.tag_code(b'a"')) == b'OK (TAG "a\\"") "Done"\r\n'
    )
    assert responses.answer("OK", code=responses.sasl_code(b"v=x")) == b'OK (SASL "dj14")\r\n'
    assert responses.challenge(b"") == b'""\r\n'


def test_names_are_strings_and_one_is_active() -> None:
    assert responses.scripts([("a", False), ('b"', True)]) == b'"a"\r\n"b\\"" ACTIVE\r\n'
