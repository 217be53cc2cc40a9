"""What an event is when it says nothing else."""

import msgspec

from postroom.telemetry.event import LEVELS, Event, SessionEvent


def test_an_event_is_information_that_strangers_cannot_cause() -> None:
    assert (Event.level, Event.limited) == ("info", False)
    assert LEVELS.index("info") < LEVELS.index("warning") < LEVELS.index("error")


def test_one_of_a_connection_tells_of_it_first() -> None:
    assert [field.name for field in msgspec.structs.fields(SessionEvent)] == [
        "session", "peer", "door",
    ]  # fmt: skip
    assert SessionEvent() == SessionEvent(session="", peer="", door="")
