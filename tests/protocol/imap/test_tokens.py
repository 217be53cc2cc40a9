"""Tokens of a command."""

import pytest
from hypothesis import given, strategies as st

from postroom.protocol.imap.tokens import BadSyntax, CutLiteral, Reader, Unusable


def test_walks_over_tokens() -> None:
    reader = Reader(b'atom "quo\\"ted\\\\" {3}\r\nabc 42 nil NIL]x (')
    assert reader.atom() == b"atom"
    reader.space()
    assert reader.string() == b'quo"ted\\'
    reader.space()
    assert reader.astring() == b"abc"
    reader.space()
    assert reader.number() == 42
    reader.space()
    assert reader.nstring() is None
    reader.space()
    assert reader.astring() == b"NIL]x"
    reader.space()
    assert reader.peek(b"(")
    assert reader.skip(b"(")
    assert not reader.skip(b"(")
    assert reader.at_end
    reader.end()


def test_an_atom_ends_at_a_bracket_and_an_astring_does_not() -> None:
    assert Reader(b"a]b").atom() == b"a"
    assert Reader(b"a]b").astring() == b"a]b"
    assert Reader(b"a%b*").list_pattern() == b"a%b*"
    assert Reader(b'"a b"').list_pattern() == b"a b"
    assert Reader(b"fLags").word() == b"FLAGS"
    assert Reader(b'"x"').nstring() == b"x"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b'"open',
        b'"a\x00b"',
        b'"a\rb"',
        b'"a\nb"',
        b'"a\\n"',
        b"{3}abc",
        b"(",
        b"{3}\r\na\x00b",
    ],
)
def test_no_string(data: bytes) -> None:
    with pytest.raises(BadSyntax):
        Reader(data).astring()
    with pytest.raises(BadSyntax):
        Reader(data).string()
    with pytest.raises(BadSyntax):
        Reader(data).list_pattern()


def test_a_cut_literal_has_a_name_of_its_own() -> None:
    with pytest.raises(CutLiteral):
        Reader(b"{3}\r\nab").astring()


def test_refusals() -> None:
    for use in (Reader.atom, Reader.number, Reader.space):
        with pytest.raises(BadSyntax):
            use(Reader(b"("))
    with pytest.raises(BadSyntax):
        Reader(b"4294967296").number()
    assert Reader(b"4294967296").number(2**63) == 4294967296
    with pytest.raises(BadSyntax):
        Reader(b"x").end()
    assert Unusable(b"CANNOT", "no").code == b"CANNOT"


@given(st.binary(max_size=60))
def test_any_octets(data: bytes) -> None:
    for use in (
        Reader.atom,
        Reader.astring,
        Reader.string,
        Reader.nstring,
        Reader.list_pattern,
        Reader.number,
    ):
        reader = Reader(data)
        try:
            use(reader)
        except BadSyntax:
            continue
        assert 0 < reader.at <= len(data)
