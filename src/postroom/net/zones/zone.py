"""A zone that may be read and changed, whoever keeps it.

Its unit is the RRset (RFC 2181 §5): all records of one type at one name, which are replaced
together. A change says what it expects to find; when something else is there by now, nothing
is changed.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import msgspec

from postroom.net.dns_records import Kind, Record

TTL: Final = 3600  # seconds, of what is new

Place = tuple[str, Kind]
"""A name (lower-case A-labels, no dot at the end) and a type."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """An RRset as it is expected to be, and as it shall be; () is none.

    ``ttl`` in seconds, for what is written.
    """

    name: str
    kind: Kind
    before: tuple[Record, ...]
    after: tuple[Record, ...]
    ttl: int = TTL

    @property
    def place(self) -> Place:
        """Name and type, which tell it from all others of the zone."""
        return self.name, self.kind


class ZoneFailed(Exception):
    """The zone could not be read or changed; the message says why, in one line."""


class Zone(Protocol):
    """One zone of one provider."""

    async def read(self, places: Sequence[Place]) -> Mapping[Place, tuple[Record, ...]]:
        """The records at each place, () for none. Raises ZoneFailed."""

    async def write(self, changes: Sequence[Change]) -> None:
        """Make all changes, or none where the protocol can do that. Raises ZoneFailed."""


def expect(found: Mapping[Place, tuple[Record, ...]], changes: Sequence[Change]) -> None:
    """Raise ZoneFailed unless what was ``found`` is what the changes expect."""
    for change in changes:
        if set(found.get(change.place, ())) != set(change.before):
            raise ZoneFailed(
                f"{change.name} {change.kind} was changed by somebody else at this moment; look "
                "again, and try again"
            )
