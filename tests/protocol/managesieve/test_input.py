import pytest
from hypothesis import given, strategies as st

from postroom.protocol.managesieve.input import (
    MAX_LINE,
    MAX_SKIPPED,
    Desynchronised,
    Input,
    Literal,
    Piece,
)

MOST = 100


def read(octets: bytes, *, by_octets: bool = False) -> list[list[Piece]]:
    found: list[list[Piece]] = []
    source = Input()
    for piece in [bytes([octet]) for octet in octets] if by_octets else [octets]:
        source.feed(piece)
        while (command := source.command(MOST)) is not None:
            found.append(command)
    return found


@pytest.mark.parametrize("by_octets", [False, True])
def test_commands_with_and_without_literals(*, by_octets: bool) -> None:
    octets = b'NOOP\r\nPUTSCRIPT "a" {7+}\r\nke\r\nep;\r\nX {1+}\r\na {0+}\r\n\r\n'
    assert read(octets, by_octets=by_octets) == [
        [b"NOOP"],
        [b'PUTSCRIPT "a" ', Literal(b"ke\r\nep;", 7), b""],
        [b"X ", Literal(b"a", 1), b" ", Literal(b"", 0), b""],
    ]


def test_what_looks_like_a_head_inside_a_string_is_none() -> None:
    assert read(b'NOOP "{5+}"\r\n') == [[b'NOOP "{5+}"']]


@pytest.mark.parametrize("by_octets", [False, True])
def test_too_large_a_literal_is_passed_over(*, by_octets: bool) -> None:
    octets = b"X {101+}\r\n" + b"\n" * 101 + b' "y"\r\nNOOP\r\n'
    assert read(octets, by_octets=by_octets) == [[b"X ", Literal(None, 101), b' "y"'], [b"NOOP"]]


def test_literals_of_one_command_share_the_limit() -> None:
    octets = b"X {60+}\r\n" + b"a" * 60 + b" {60+}\r\n" + b"b" * 60 + b"\r\n"
    assert read(octets) == [[b"X ", Literal(b"a" * 60, 60), b" ", Literal(None, 60), b""]]


def test_what_is_passed_over_is_not_held() -> None:
    source = Input()
    source.feed(b"X {%d+}\r\n" % MAX_SKIPPED)
    for _ in range(MAX_SKIPPED // 65_536):
        assert source.command(MOST) is None
        assert len(source) == 0
        source.feed(b"x" * 65_536)
    assert source.command(MOST) is None
    source.feed(b"\r\n")
    assert source.command(MOST) == [b"X ", Literal(None, MAX_SKIPPED), b""]


@pytest.mark.parametrize(
    "octets",
    [
        b"NOOP\n",
        b"NO\rOP\r\n",
        b"X {5}\r\n",
        b"X {%d+}\r\n" % (MAX_SKIPPED + 1),
        b"X {9999999999+}\r\n",
        b"X {%s+}\r\n" % (b"9" * 5000),
        b"x" * MAX_LINE,
        b"X" + b" {0+}\r\n" * 5,
    ],
)
def test_where_the_next_command_begins_is_unknown(octets: bytes) -> None:
    with pytest.raises(Desynchronised) as error:
        read(octets)
    assert str(error.value).isprintable()


@given(st.binary(max_size=300))
def test_any_octets_are_read_the_same_in_any_portions(octets: bytes) -> None:
    def outcome(*, by_octets: bool) -> object:
        try:
            return read(octets, by_octets=by_octets)
        except Desynchronised:
            return None

    whole, parts = outcome(by_octets=False), outcome(by_octets=True)
    assert whole == parts
