"""Zones at Cloudflare: version 4 of its interface, with a token that may edit DNS of the zone.

Records have ids there and stand alone; all changes go in one batch, which is one transaction.
What is new is never proxied: mail goes to the server itself. What is proxied is another record than
the same one without: names then lead to Cloudflare, where no mail is taken.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from postroom.net.dns_records import NUMBERS, Kind, Mx, Record, Srv, Tlsa
from postroom.net.zones import presentation
from postroom.net.zones.rest import MOST_PAGES, Rest
from postroom.net.zones.zone import Change, Place, ZoneFailed, expect

URL: Final = "https://api.cloudflare.com/client/v4"
PAGE: Final = 500


class _Error(msgspec.Struct):
    code: int = 0
    message: str = ""


class _Pages(msgspec.Struct):
    total_pages: int = 1


class _Told(msgspec.Struct):
    success: bool
    errors: list[_Error] = []
    result: msgspec.Raw = msgspec.Raw(b"null")
    result_info: _Pages | None = None


class _Zone(msgspec.Struct):
    id: str
    name: str


class _Entry(msgspec.Struct):
    id: str
    type: str
    name: str
    content: str = ""
    priority: int | None = None
    proxied: bool = False
    data: dict[str, Any] | None = None


class Cloudflare:
    """One zone."""

    def __init__(self, zone: str, rest: Rest) -> None:
        self._zone = zone
        self._rest = rest
        self._id = ""

    async def read(self, places: Sequence[Place]) -> Mapping[Place, tuple[Record, ...]]:
        """The whole zone is read, in pages."""
        return {place: tuple(found) for place, found in (await self._entries(places)).items()}

    async def write(self, changes: Sequence[Change]) -> None:
        """Delete what is to go, add what is new; what stays is not touched."""
        if not changes:
            return
        held = await self._entries([change.place for change in changes])
        expect({place: tuple(found) for place, found in held.items()}, changes)
        gone = [
            {"id": ident}
            for change in changes
            for record, ident in held[change.place].items()
            if record not in change.after
        ]
        new = [
            _written(change, record)
            for change in changes
            for record in change.after
            if record not in held[change.place]
        ]
        if gone or new:
            path = f"/zones/{await self._zone_id()}/dns_records/batch"
            await self._ask("POST", path, {"deletes": gone, "posts": new})

    async def _entries(self, places: Sequence[Place]) -> dict[Place, dict[Record, str]]:
        """The ids of the records at these places."""
        found: dict[Place, dict[Record, str]] = {place: {} for place in places}
        number, last = 1, 1
        while number <= min(last, MOST_PAGES):
            path = f"/zones/{await self._zone_id()}/dns_records?per_page={PAGE}&page={number}"
            told = await self._ask("GET", path)
            for one in msgspec.json.decode(told.result, type=list[_Entry]):
                place = _place(one)
                if place in found:
                    found[place][_record(place[1], one)] = one.id
            last = told.result_info.total_pages if told.result_info else 1
            number += 1
        return found

    async def _zone_id(self) -> str:
        if not self._id:
            told = await self._ask("GET", f"/zones?name={self._zone}")
            zones = msgspec.json.decode(told.result, type=list[_Zone])
            ids = [one.id for one in zones if one.name.lower() == self._zone]
            if not ids:
                raise ZoneFailed(f"Cloudflare shows no zone {self._zone} to this token")
            self._id = ids[0]
        return self._id

    async def _ask(self, method: str, path: str, body: object = None) -> _Told:
        found = await self._rest.call(method, path, body)
        if found.status >= 500:
            raise self._rest.refusal(found)
        told = self._rest.read(found, _Told)
        if not told.success or found.status >= 400:
            words = "; ".join(f"{one.message} ({one.code})" for one in told.errors)
            raise self._rest.refusal(found, words)
        return told


def _place(one: _Entry) -> tuple[str, Any]:
    return one.name.lower().rstrip("."), one.type if one.type in NUMBERS else ""


def _record(kind: Kind, one: _Entry) -> Record:
    """What an entry says; data that can't be read is a record that nobody wants."""
    data = one.data or {}
    try:
        match kind:
            case "TXT":
                is_quoted = one.content.startswith('"')
                return presentation.read("TXT", one.content) if is_quoted else one.content.encode()
            case "MX":
                return Mx(one.priority or 0, one.content.lower().rstrip("."))
            case "SRV" if data:
                target = str(data["target"]).lower().rstrip(".")
                return Srv(int(data["priority"]), int(data["weight"]), int(data["port"]), target)
            case "TLSA" if data:
                return Tlsa(
                    int(data["usage"]), int(data["selector"]), int(data["matching_type"]),
                    bytes.fromhex(str(data["certificate"])),
                )  # fmt: skip
            case "CAA" if data:
                return f'{int(data["flags"])} {data["tag"]} "{data["value"]}"'
            case _ if one.proxied:
                return f"{one.content} (proxied)"
            case _:
                return presentation.read(kind, one.content)
    except (KeyError, ValueError):
        return f"{one.content} (unreadable)"


def _written(change: Change, record: Record) -> dict[str, object]:
    """An entry as it is sent."""
    entry: dict[str, object] = {"type": change.kind, "name": change.name, "ttl": change.ttl}
    match record:
        case Mx(preference, host):
            return entry | {"content": host, "priority": preference}
        case Srv(priority, weight, port, target):
            data: dict[str, object] = {
                "priority": priority, "weight": weight, "port": port, "target": target or "."
            }  # fmt: skip
            return entry | {"data": data}
        case Tlsa(usage, selector, matching, octets):
            data = {
                "usage": usage, "selector": selector, "matching_type": matching,
                "certificate": octets.hex(),
            }  # fmt: skip
            return entry | {"data": data}
        case bytes():
            return entry | {"content": presentation.write("TXT", record)}
        case _ if change.kind == "CAA":
            flags, tag, value = str(record).split(" ", 2)
            return entry | {"data": {"flags": int(flags), "tag": tag, "value": value.strip('"')}}
        case _ if change.kind in {"A", "AAAA", "CNAME"}:
            return entry | {"content": str(record), "proxied": False}
        case _:
            return entry | {"content": str(record)}
