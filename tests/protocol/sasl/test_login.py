import pytest

from postroom.protocol.sasl.login import Login
from postroom.protocol.sasl.steps import AskPassword, Challenge, Denied, Granted

MALFORMED = Denied(is_malformed=True)


def test_two_challenges() -> None:
    login = Login()
    assert login.step(None) == Challenge(b"Username:")
    assert login.step(b"alice") == Challenge(b"Password:")
    assert login.step(b"secret") == AskPassword("alice", "", "secret")
    assert login.answer("identity") == Granted("alice", None)


def test_the_name_may_come_at_once() -> None:
    login = Login()
    assert login.step(b"alice") == Challenge(b"Password:")
    assert login.step(b"wrong") == AskPassword("alice", "", "wrong")
    assert login.answer(None) == Denied()
    assert login.step(b"again") == MALFORMED


@pytest.mark.parametrize("octets", [b"", b"a\0b", b"\xff", b"a" * 256])
def test_names_that_make_no_sense(octets: bytes) -> None:
    assert Login().step(octets) == MALFORMED


@pytest.mark.parametrize("octets", [b"", b"a\0b", b"\xff", b"a" * 1021])
def test_passwords_that_make_no_sense(octets: bytes) -> None:
    login = Login()
    login.step(b"alice")
    assert login.step(octets) == MALFORMED


def test_answers_to_questions_that_were_not_asked() -> None:
    login = Login()
    assert login.answer("identity") == Denied()
    login.step(b"alice")
    assert login.answer("identity") == Denied()
    assert login.keys(b"", 1, ()) == Denied()
