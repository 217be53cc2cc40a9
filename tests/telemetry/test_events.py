"""The list of events is closed, named and free of surprises."""

import pytest

from postroom.telemetry import events, session_events
from postroom.telemetry.event import LEVELS, Event, SessionEvent

KINDS = [
    kind
    for kind in [*vars(events).values(), *vars(session_events).values()]
    if isinstance(kind, type) and issubclass(kind, Event) and kind not in {Event, SessionEvent}
]


@pytest.mark.parametrize("kind", KINDS)
def test_every_event_is_named_by_its_class(kind: type[Event]) -> None:
    words = "".join(" " + c.lower() if c.isupper() else c for c in kind.__name__).split()
    assert kind.__struct_config__.tag == f"{words[0]}.{'.'.join(words[1:])}"


@pytest.mark.parametrize("kind", KINDS)
def test_every_event_says_what_it_means_and_how_grave_it_is(kind: type[Event]) -> None:
    assert kind.__doc__
    assert kind.__doc__ != Event.__doc__
    assert kind.level in LEVELS


def test_no_two_events_share_a_name() -> None:
    tags = [kind.__struct_config__.tag for kind in KINDS]
    assert len(set(tags)) == len(tags) >= 20


@pytest.mark.parametrize("kind", KINDS)
def test_an_event_of_a_connection_stands_with_the_others_of_connections(kind: type[Event]) -> None:
    home = session_events if issubclass(kind, SessionEvent) else events
    assert kind.__module__ == home.__name__
