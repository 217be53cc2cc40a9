"""How many events of one kind are written, so that a flood can't fill the disk.

What strangers can cause is written at most 60 times a minute for each kind and peer, and
768 KiB a minute in all. The rest is counted and told as one ``events.suppressed`` a kind.
"""

from typing import Final

from postroom.telemetry.event import Event
from postroom.telemetry.events import EventsSuppressed
from postroom.telemetry.lines import tag

PER_KEY: Final = 60
OCTETS: Final = 768 * 1024
MAX_KEYS: Final = 10_000
MINUTE: Final = 60_000


class Limiter:
    """Fixed windows of one minute. Not thread safe: the sink holds its lock."""

    def __init__(self) -> None:
        self._minute = 0
        self._octets = 0
        self._written: dict[tuple[type, str], int] = {}
        self._suppressed: dict[str, int] = {}

    def turn(self, now_ms: int) -> list[EventsSuppressed]:
        """What the minute that is over kept back; empty within a minute."""
        minute = now_ms // MINUTE
        if minute == self._minute:
            return []
        told = [EventsSuppressed(of=of, count=count) for of, count in self._suppressed.items()]
        self._minute, self._octets = minute, 0
        self._written.clear()
        self._suppressed.clear()
        return told

    def allows(self, event: Event) -> bool:
        """Whether this event may be written."""
        if not event.limited:
            return True
        key = (type(event), getattr(event, "peer", ""))
        count = self._written.get(key, 0)
        if count == 0 and len(self._written) >= MAX_KEYS:
            key = (type(event), "*")
            count = self._written.get(key, 0)
        if count >= PER_KEY or self._octets >= OCTETS:
            name = tag(event)
            self._suppressed[name] = self._suppressed.get(name, 0) + 1
            return False
        self._written[key] = count + 1
        return True

    def wrote(self, octets: int) -> None:
        """Count the octets of lines that were written of a limited event."""
        self._octets += octets
