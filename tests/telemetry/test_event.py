"""What an event is when it says nothing else."""

import msgspec
import pytest

from postroom.intake import peer as intake
from postroom.telemetry.event import LEVELS, Event, SessionEvent, session_of, trace_of


def test_an_event_is_information_that_strangers_cannot_cause() -> None:
    assert (Event.level, Event.limited) == ("info", False)
    assert LEVELS.index("info") < LEVELS.index("warning") < LEVELS.index("error")


def test_one_of_a_connection_tells_of_it_first() -> None:
    assert [field.name for field in msgspec.structs.fields(SessionEvent)] == [
        "session", "peer", "door",
    ]  # fmt: skip
    assert SessionEvent() == SessionEvent(session="", peer="", door="")


def test_the_session_of_a_peer() -> None:
    peer = intake.Peer("s1", "192.0.2.1", 25, "smtp")
    assert SessionEvent(**session_of(peer)) == SessionEvent(
        session="s1", peer="192.0.2.1", door="smtp"
    )


def test_where_an_exception_comes_from() -> None:
    with pytest.raises(ValueError, match="no number") as raised:
        int("no number")
    said = trace_of(raised.value)
    assert said.splitlines()[-1].startswith("ValueError: ")
    assert __file__ in said
