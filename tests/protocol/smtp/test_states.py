import pytest

from postroom.protocol.smtp import replies
from postroom.protocol.smtp.commands import (
    Bdat,
    Command,
    Data,
    Ehlo,
    Helo,
    Lhlo,
    Mail,
    Noop,
    Quit,
    Rcpt,
)
from postroom.protocol.smtp.replies import Reply
from postroom.protocol.smtp.states import NEUTRAL, TRANSITIONS, State, is_legal, misplaced

TALKING = [state for state in State if state not in {State.CONTENT, State.CLOSED}]


def test_every_state_has_a_row_and_every_command_a_place() -> None:
    assert set(TRANSITIONS) == set(State)
    legal = {kind for row in TRANSITIONS.values() for kind in row}
    assert legal == set(Command.__subclasses__())


@pytest.mark.parametrize("state", TALKING)
def test_neutral_commands_change_nothing_and_quit_always_ends(state: State) -> None:
    assert {TRANSITIONS[state][kind] for kind in NEUTRAL} == {state}
    assert TRANSITIONS[state][Quit] is State.CLOSED


def test_greetings_by_dialect() -> None:
    for kind in (Ehlo, Helo):
        assert is_legal(State.READY, kind, is_lmtp=False)
        assert not is_legal(State.READY, kind, is_lmtp=True)
    assert is_legal(State.READY, Lhlo, is_lmtp=True)
    assert not is_legal(State.READY, Lhlo, is_lmtp=False)


@pytest.mark.parametrize(
    ("state", "command", "is_lmtp", "answer"),
    [
        (State.CONNECTED, Mail(None), False, replies.HELLO_FIRST),
        (State.CONNECTED, Mail(None), True, replies.LHLO_FIRST),
        (State.READY, Rcpt(None), False, replies.BAD_SEQUENCE),
        (State.SENDER, Data(), False, replies.NO_RECIPIENTS),
        (State.SENDER, Bdat(1, False), False, replies.NO_RECIPIENTS),
        (State.SENDER, Mail(None), False, replies.BAD_SEQUENCE),
        (State.CHUNKS, Data(), False, replies.IN_CHUNKS),
        (State.FAILED, Bdat(1, True), False, replies.CHUNKS_FAILED),
        (State.READY, Ehlo("x"), True, replies.UNKNOWN_COMMAND),
        (State.READY, Lhlo("x"), False, replies.UNKNOWN_COMMAND),
    ],
)
def test_what_is_misplaced(state: State, command: Command, is_lmtp: bool, answer: Reply) -> None:
    assert not is_legal(state, type(command), is_lmtp=is_lmtp)
    assert misplaced(state, command, is_lmtp=is_lmtp) is answer


def test_within_content_nothing_is_a_command() -> None:
    assert not TRANSITIONS[State.CONTENT]
    assert not is_legal(State.CLOSED, Noop, is_lmtp=False)
