"""Bringing the records of a domain into its zone: first a plan, then what it says.

Planning twice plans nothing the second time. What a plan asks about is changed only with a yes.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, Literal

import msgspec

from postroom.admin import names
from postroom.admin.dns import providers, table as records
from postroom.admin.dns.compare import text
from postroom.admin.dns.plan import Wanted, is_within
from postroom.admin.dns.providers import Opened
from postroom.admin.dns.steps import decide
from postroom.admin.dns.zone import data
from postroom.admin.office import Office
from postroom.errors import NotFound, Refused
from postroom.net.dns import Resolver
from postroom.net.dns_records import Kind, Record

Action = Literal["keep", "add", "merge", "replace", "ask", "elsewhere"]

_SIDE_BY_SIDE: Final[tuple[Kind, ...]] = ("CNAME", "A", "AAAA")


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of one RRset; ``before`` and ``after`` as a person reads them.

    "keep": it is right; "add", "merge" and "replace" take nothing of others away; "ask" would,
    and ``why`` says what; "elsewhere": it is in no zone of the provider.
    """

    name: str
    type: Kind
    use: str
    action: Action
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    why: str = ""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What would be done in a zone."""

    domain: str
    provider: str
    zone: str
    steps: tuple[Step, ...]


class _Planned(msgspec.Struct, frozen=True):
    """A step and what carries it out."""

    step: Step
    changes: tuple[tuple[str, Kind, tuple[Record, ...], tuple[Record, ...]], ...] = ()


async def plan(office: Office, domain: str, *, resolver: Resolver) -> Plan:
    """What ``apply`` would do. Raises NotFound without a provider, Refused when it fails."""
    zone, planned = await _planned(office, domain, resolver, None)
    return _told(domain, zone, planned)


async def apply(
    office: Office,
    domain: str,
    *,
    resolver: Resolver,
    agreed: Collection[tuple[str, str]] = (),
    uses: Collection[str] | None = None,
) -> Plan:
    """Carry it out, all in one; what was done.

    ``agreed`` are the (name, type) of the steps that ask and may be taken. ``uses`` limits it to
    records of these uses. Raises NotFound without a provider, Refused when it fails.
    """
    from postroom.net.zones.zone import Change, ZoneFailed

    zone, planned = await _planned(office, domain, resolver, uses)
    done = [
        one
        for one in planned
        if one.step.action != "ask" or (one.step.name, one.step.type) in agreed
    ]
    changes = [
        Change(name=name, kind=kind, before=before, after=after)
        for one in done
        for name, kind, before, after in one.changes
    ]
    if changes:
        try:
            await zone.access.write(changes)
        except ZoneFailed as error:
            raise Refused(f"{zone.provider}: {error}") from error
    return _told(domain, zone, done)


async def _planned(
    office: Office, domain: str, resolver: Resolver, uses: Collection[str] | None
) -> tuple[Opened, list[_Planned]]:
    from postroom.net.zones import presentation
    from postroom.net.zones.zone import ZoneFailed

    domain = names.domain(domain).ascii
    rows = [
        row
        for row in await records.records(office, domain, resolver=resolver)
        if uses is None or row.use in uses
    ]
    if not rows:
        raise NotFound(f"{domain} has no such records")
    zone = await providers.opened(office, domain, resolver=resolver)
    if zone is None:
        raise NotFound(
            f"nobody is known who keeps the zone of {domain}; see: postroom dns provider add --help"
        )
    mine = [row for row in rows if _is_theirs(row, zone.zone)]
    places = _places(mine)
    wanted = [(row, presentation.read(row.type, data(row))) for row in mine]
    try:
        found = await zone.access.read(places)
    except ZoneFailed as error:
        raise Refused(f"{zone.provider}: {error}") from error
    ours = [row.value for row in rows if row.type in {"A", "AAAA"} and row.value]
    planned = [_step(group, found, ours) for group in _grouped(wanted)]
    others = [row for row in rows if not _is_theirs(row, zone.zone)]
    planned += [_Planned(_elsewhere(row)) for row in others]
    return zone, planned


def _is_theirs(row: Wanted, zone: str) -> bool:
    return bool(row.value) and row.type != "PTR" and is_within(row.name, zone)


def _places(rows: Iterable[Wanted]) -> list[tuple[str, Kind]]:
    """What has to be known: each RRset, and beside addresses and aliases each other."""
    places: dict[tuple[str, Kind], None] = {}
    for row in rows:
        for kind in _SIDE_BY_SIDE if row.type in _SIDE_BY_SIDE else (row.type,):
            places[row.name, kind] = None
    return list(places)


def _grouped(
    wanted: Sequence[tuple[Wanted, Record]],
) -> list[list[tuple[Wanted, Record]]]:
    """By name and type, in the order in which the first of each came."""
    groups: dict[tuple[str, str], list[tuple[Wanted, Record]]] = {}
    for row, record in wanted:
        groups.setdefault((row.name, row.type), []).append((row, record))
    return list(groups.values())


def _step(
    group: Sequence[tuple[Wanted, Record]],
    found: Mapping[tuple[str, Kind], tuple[Record, ...]],
    ours: Sequence[str],
) -> _Planned:
    row = group[0][0]
    present = found[row.name, row.type]
    beside = {kind: found.get((row.name, kind), ()) for kind in _SIDE_BY_SIDE}
    decision = decide(group, present, beside, ours)
    before = present + tuple(one for kind in decision.clears for one in beside[kind])
    step = Step(
        name=row.name,
        type=row.type,
        use=row.use,
        action=decision.action,
        before=tuple(map(text, before)),
        after=tuple(map(text, decision.after)),
        why=decision.why,
    )
    if decision.action == "keep":
        return _Planned(step)
    cleared = tuple((row.name, kind, beside[kind], ()) for kind in decision.clears)
    return _Planned(step, (*cleared, (row.name, row.type, present, decision.after)))


def _elsewhere(row: Wanted) -> Step:
    why = row.note or "it belongs to another zone"
    return Step(
        name=row.name, type=row.type, use=row.use, action="elsewhere", after=(row.value,), why=why
    )


def _told(domain: str, zone: Opened, planned: Sequence[_Planned]) -> Plan:
    return Plan(
        domain=domain,
        provider=zone.provider,
        zone=zone.zone,
        steps=tuple(one.step for one in planned),
    )
