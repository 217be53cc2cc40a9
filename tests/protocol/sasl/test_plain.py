import pytest
from hypothesis import given, strategies as st

from postroom.protocol.sasl.plain import Plain
from postroom.protocol.sasl.steps import AskPassword, Challenge, Denied, Granted

MALFORMED = Denied(is_malformed=True)


def test_with_an_initial_response() -> None:
    plain = Plain()
    assert plain.step(b"\0alice\0secret") == AskPassword("alice", "", "secret")
    assert plain.answer("identity") == Granted("alice", None)


def test_without_one_an_empty_challenge_comes_first() -> None:
    plain = Plain()
    assert plain.step(None) == Challenge(b"")
    assert plain.step("boss\0jörg\0süß".encode()) == AskPassword("jörg", "boss", "süß")
    assert plain.answer(None) == Denied()


@pytest.mark.parametrize(
    "response",
    [
        b"",
        b"alice",
        b"alice\0secret",
        b"\0\0secret",
        b"\0alice\0",
        b"\0a\0b\0c",
        b"\0\xff\0x",
        b"\0" + b"a" * 256 + b"\0x",
        b"a" * 256 + b"\0a\0x",
        b"\0a\0" + b"x" * 1021,
    ],
)
def test_what_makes_no_sense(response: bytes) -> None:
    assert Plain().step(response) == MALFORMED


def test_one_message_is_all() -> None:
    plain = Plain()
    plain.step(b"\0a\0b")
    assert plain.step(b"\0a\0b") == MALFORMED


def test_answers_to_questions_that_were_not_asked() -> None:
    assert Plain().answer("identity") == Denied()
    assert Plain().keys(b"", 1, ()) == Denied()


@given(st.binary(max_size=40))
def test_any_octets(response: bytes) -> None:
    assert isinstance(Plain().step(response), AskPassword | Denied)
