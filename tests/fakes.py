"""Small real stand-ins for what is outside: no mocks."""

from typing import Final, TypeVar

from postroom.telemetry.event import Event
from postroom.telemetry.events import StorageTrouble

EventT = TypeVar("EventT", bound=Event)

START: Final = 1_790_000_000_000  # 2026-09-21 14:13:20 UTC


class Clock:
    """A wall clock in UTC milliseconds that moves only when it is told to."""

    def __init__(self, now: int = START) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now

    def advance(self, milliseconds: int = 0, *, seconds: int = 0, days: int = 0) -> int:
        """Move on; the new time."""
        self.now += milliseconds + 1_000 * seconds + 86_400_000 * days
        return self.now


class Recorder(list[Event]):
    """Remembers every event that was emitted, but that folders of tests are in memory."""

    def emit(self, event: Event) -> None:
        if not (isinstance(event, StorageTrouble) and event.where == "folder"):
            self.append(event)

    def of(self, kind: type[EventT]) -> list[EventT]:
        """The events of one kind."""
        return [event for event in self if isinstance(event, kind)]
