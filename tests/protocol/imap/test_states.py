"""The table of states and commands."""

from postroom.protocol.imap import commands as c
from postroom.protocol.imap.states import AFTER_NO, AFTER_OK, LEGAL, State


def legal(state: State, command: type[c.Command]) -> bool:
    return issubclass(command, LEGAL[state])


def test_every_state_has_a_row() -> None:
    assert set(LEGAL) == set(State)


def test_the_rows() -> None:
    for state in (State.UNAUTHENTICATED, State.AUTHENTICATED, State.SELECTED):
        assert legal(state, c.Noop)
        assert legal(state, c.Logout)
    assert not legal(State.LOGOUT, c.Noop)
    assert legal(State.UNAUTHENTICATED, c.Login)
    assert not legal(State.AUTHENTICATED, c.Login)
    assert not legal(State.SELECTED, c.StartTls)
    assert not legal(State.UNAUTHENTICATED, c.Select)
    assert not legal(State.AUTHENTICATED, c.Fetch)
    assert legal(State.SELECTED, c.Fetch)
    assert legal(State.SELECTED, c.Create)


def test_outcomes() -> None:
    assert AFTER_OK[c.Login] is State.AUTHENTICATED
    assert AFTER_OK[c.Select] is State.SELECTED
    assert AFTER_NO[c.Select] is State.AUTHENTICATED  # RFC 3501 §6.3.1
    assert AFTER_OK[c.Close] is State.AUTHENTICATED
