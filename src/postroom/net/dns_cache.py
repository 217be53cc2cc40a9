"""What was found, kept for as long as it may be: by count, by octets and by time.

The entry that was not used for longest goes first. Failures are kept for some seconds only,
so that a name which nobody can tell is not asked for with every letter.

RFC 1035 §7.4, RFC 2308 §5 (negative answers) and §7 (failures).
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final, TypeAlias

import msgspec

from postroom.net.dns_message import Failure
from postroom.net.dns_records import Answer, Kind, Record

MAX_ENTRIES: Final = 20_000
MAX_OCTETS: Final = 33_554_432  # estimated; a hostile zone may hold 64 KiB a name
FAILURE_SECONDS: Final = 5

_OVERHEAD: Final = 700  # octets of an entry without records
_RECORD: Final = 60  # octets of an object

Key: TypeAlias = tuple[str, Kind]


class _Kept(msgspec.Struct, frozen=True):
    found: Answer[Record] | Failure
    since: float
    until: float
    size: int


class Cache:
    """Answers by name and kind. ``clock`` gives seconds that never go back."""

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        entries: int = MAX_ENTRIES,
        octets: int = MAX_OCTETS,
    ) -> None:
        """At most so many entries of about so many octets together."""
        self._clock = clock
        self._most = entries
        self._most_octets = octets
        self._octets = 0
        self._kept: OrderedDict[Key, _Kept] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Key) -> Answer[Record] | Failure | None:
        """What is known; ``ttl`` is what is left of it."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        now = self._clock()
        if now >= kept.until:
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        age = int(now - kept.since)
        if not age or isinstance(kept.found, Failure):
            return kept.found
        return msgspec.structs.replace(kept.found, ttl=max(1, kept.found.ttl - age))

    def put(self, key: Key, found: Answer[Record] | Failure) -> None:
        """Keep it in place of what was known."""
        self._drop(key)
        now = self._clock()
        seconds = FAILURE_SECONDS if isinstance(found, Failure) else found.ttl
        size = _OVERHEAD if isinstance(found, Failure) else _size(found)
        self._kept[key] = _Kept(found, now, now + seconds, size)
        self._octets += size
        while len(self._kept) > self._most or self._octets > self._most_octets:
            self._octets -= self._kept.popitem(last=False)[1].size

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()
        self._octets = 0

    def _drop(self, key: Key) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._octets -= kept.size


def _size(answer: Answer[Record]) -> int:
    size = _OVERHEAD
    for record in answer.records:
        parts = (record,) if isinstance(record, str | bytes) else record
        size += _RECORD + sum(
            _RECORD + len(part) for part in parts if isinstance(part, str | bytes)
        )
    return size
