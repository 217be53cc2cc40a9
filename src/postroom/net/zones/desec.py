"""Zones at deSEC, or on a server of one's own that runs its software: version 1 of its interface.

It speaks in RRsets, and changes many at once, all or none. A zone has a shortest TTL, which is
asked for.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from postroom.net.dns_records import Record
from postroom.net.fetch import Fetched
from postroom.net.zones import presentation
from postroom.net.zones.rest import MOST_PAGES, Rest
from postroom.net.zones.zone import Change, Place, ZoneFailed, expect

URL: Final = "https://desec.io/api/v1"
_NEXT: Final = re.compile(r'<([^>]*)>;\s*rel="next"')


class _Domain(msgspec.Struct):
    minimum_ttl: int = 3600


class _Rrset(msgspec.Struct):
    subname: str
    type: str
    records: list[str]


class Desec:
    """One zone."""

    def __init__(self, zone: str, rest: Rest) -> None:
        self._zone = zone
        self._rest = rest

    async def read(self, places: Sequence[Place]) -> Mapping[Place, tuple[Record, ...]]:
        """The whole zone is read, in pages that a cursor leads through."""
        found: dict[Place, tuple[Record, ...]] = dict.fromkeys(places, ())
        path = f"/domains/{self._zone}/rrsets/?cursor="
        for _ in range(MOST_PAGES):
            page = self._good(await self._rest.call("GET", path))
            for one in self._rest.read(page, list[_Rrset]):
                name = f"{one.subname}.{self._zone}" if one.subname else self._zone
                for place in found:
                    if place == (name.lower(), one.type):
                        found[place] = _records(place, one.records)
            following = _NEXT.search(page.header("link"))
            if following is None:
                return found
            path = following[1]
        raise ZoneFailed(f"{self._zone} has too many records to be read")

    async def write(self, changes: Sequence[Change]) -> None:
        """One request; an RRset without records is deleted."""
        if not changes:
            return
        expect(await self.read([change.place for change in changes]), changes)
        shown = self._good(await self._rest.call("GET", f"/domains/{self._zone}/"))
        shortest = self._rest.read(shown, _Domain).minimum_ttl
        body = [
            {
                "subname": _subname(change.name, self._zone),
                "type": change.kind,
                "ttl": max(change.ttl, shortest),
                "records": [presentation.write(change.kind, one) for one in change.after],
            }
            for change in changes
        ]
        self._good(await self._rest.call("PATCH", f"/domains/{self._zone}/rrsets/", body))

    def _good(self, found: Fetched) -> Fetched:
        if found.status == 404:
            raise ZoneFailed(f"deSEC shows no domain {self._zone} to this token")
        if found.status >= 300:
            raise self._rest.refusal(found)
        return found


def _records(place: Place, texts: Sequence[str]) -> tuple[Record, ...]:
    try:
        return tuple(presentation.read(place[1], text) for text in texts)
    except ValueError as error:
        raise ZoneFailed(f"{place[0]}: {error}") from error


def _subname(name: str, zone: str) -> str:
    return "" if name == zone else name.removesuffix(f".{zone}")
