"""The daily status letter: owners are told what has changed since the last one, and nothing else.

The snapshot of the last letter is the note ``letter``. It changes only when a letter went, so that
what changes slowly is told once it has become much. A letter that could not be sent tells the day
after of both days.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from postroom import VERSION
from postroom.admin import domains, overview, system_mail
from postroom.admin.backup import schedule
from postroom.admin.dns import states, table
from postroom.admin.dns.authority import PORT
from postroom.admin.office import Office
from postroom.admin.tls.certificates import CertificateView
from postroom.admin.watch import daily
from postroom.admin.watch.daily import Done, Section, Snapshot
from postroom.config import describe
from postroom.db.database import Tx
from postroom.db.ids import first_id_at
from postroom.directory import accounts, audit
from postroom.directory.audit import Sought
from postroom.ledger import notes
from postroom.net.dns import Resolver
from postroom.post.commit import Post
from postroom.telemetry import lines, sink
from postroom.telemetry.events import ReportSent

NOTE: Final = "letter"
_CLAIM: Final = "letter begun"
DAY_MS: Final = 86_400_000
HOUR_MS: Final = 3_600_000
MOST_DOMAINS: Final = 50  # that are looked up in the DNS
MOST_DONE: Final = 5_000  # operations that are read
MOST_REASONS: Final = 30
_PARTICULAR: Final = re.compile(r"\S*@\S+|\b\d[\d.:a-fA-F]*\b")


class Drafted(msgspec.Struct, frozen=True):
    """What a letter would say now. ``matters``: it would be sent."""

    subject: str
    text: str
    sections: tuple[Section, ...]
    matters: bool


async def send_if_due(office: Office, post: Post, resolver: Resolver) -> Drafted | None:
    """Once a day, from the hour of the settings on; of many servers one does. Raises MailError."""
    now = office.now()
    hour = office.config.alerts.letter_hour * HOUR_MS
    today = (now - hour) // DAY_MS * DAY_MS + hour

    def claim(tx: Tx) -> bool:
        return notes.claim(tx, _CLAIM, now, now - today + 1)

    if not await office.db.write(claim, bulk=True):
        return None
    return await send(office, post, resolver)


async def send(office: Office, post: Post, resolver: Resolver) -> Drafted | None:
    """Send what has changed to all owners; None when there is nothing, or nobody to tell."""
    before = await last(office)
    now = await snapshot(office, resolver, before)
    if before is None:
        await _keep(office, now)
        return None
    drafted = await _drafted(office, before, now)
    if not drafted.matters:
        return None
    told = [
        str(owner.address)
        for owner in await office.directory.look(accounts.owners)
        if await system_mail.send(office, post, owner.address, drafted.subject, drafted.text)
    ]
    if not told:
        return None
    await _keep(office, now)
    sink.emit(ReportSent(kind="status", domain=office.config.hostname, recipients=tuple(told)))
    return drafted


async def draft(office: Office, resolver: Resolver) -> Drafted | None:
    """What it would say now, without sending it; None before the server has noted anything."""
    before = await last(office)
    if before is None:
        return None
    return await _drafted(office, before, await snapshot(office, resolver, before))


async def last(office: Office) -> Snapshot | None:
    """The server at the time of the last letter."""
    found = await office.db.read(lambda tx: notes.find(tx, NOTE, Snapshot))
    return None if found is None else found[1]


async def snapshot(office: Office, resolver: Resolver, before: Snapshot | None) -> Snapshot:
    """The server now. Records that can't be looked up are as they were ``before``."""
    at = office.now()  # what is done from here on is told the next time
    states = await records(office, resolver, {} if before is None else before.dns)
    seen = await overview.show(office)
    refusals, failed = await asyncio.to_thread(_from_log, office)
    backups = office.config.backup.path
    return Snapshot(
        at=at,
        version=VERSION,
        score=seen.health.score,
        lacks={one.about: one.reason for one in seen.health.lacks},
        domains=seen.domains,
        accounts=seen.accounts,
        aliases=seen.aliases,
        dns=states,
        certificates={one.name: _certificate(one) for one in seen.certificates},
        waiting=seen.queue.deliveries,
        held=seen.queue.held,
        free=seen.free,
        size=seen.size,
        refusals=refusals,
        settings=_settings(office),
        last_backup=None
        if backups is None
        else await asyncio.to_thread(schedule.last, Path(backups), office.now()),
        failed_backups=failed,
    )


async def _keep(office: Office, now: Snapshot) -> None:
    await office.db.write(lambda tx: notes.put(tx, NOTE, now.at, now), bulk=True)


async def _drafted(office: Office, before: Snapshot, now: Snapshot) -> Drafted:
    sought = Sought(since=first_id_at(before.at))
    entries = await office.db.read(lambda tx: audit.newest(tx, sought, limit=MOST_DONE))
    done = [Done(one.action, one.object) for one in reversed(entries)]
    sections = daily.changes(before, now, done)
    hostname = office.config.hostname
    titles = ", ".join(one.title for one in sections if one.matters)
    return Drafted(
        f"{hostname}: changes in {titles}",
        daily.written(hostname, before, now, sections),
        tuple(sections),
        daily.matters(sections),
    )


async def records(
    office: Office,
    resolver: Resolver,
    before: Mapping[str, Mapping[str, str]],
    *,
    port: int = PORT,
) -> dict[str, dict[str, str]]:
    """The state of every record of the first domains; ``port`` is where their servers answer."""
    found: dict[str, dict[str, str]] = {}
    names = [one.ascii async for one in domains.every(office, limit=MOST_DOMAINS)]
    for name in names:
        known = before.get(name, {})
        now: dict[str, str] = {}
        for row in await table.check(office, name, resolver=resolver, port=port):
            record = states.label(row)
            state = known.get(record) if row.state == "unknown" else row.state
            if state is not None:
                now[record] = state
        found[name] = now
    return found


def _certificate(one: CertificateView) -> str:
    until = "none" if one.expires is None else f"valid until {one.expires:%Y-%m-%d}"
    return f"{until}, {one.problem}" if one.problem else until


def _settings(office: Office) -> dict[str, str]:
    """What is not as by default, without passwords."""
    return {
        f"{group.title} {one.setting.name}": one.value
        for group in describe.current(office.config)
        for one in group.values
        if one.is_changed or (one.value and not one.setting.default)
    }


def _from_log(office: Office) -> tuple[dict[str, int], int]:
    """How often was refused for which reason in the last 24 hours, and how many backups failed."""
    since = lines.stamp(office.now() - DAY_MS).decode()
    path = office.config.log_path

    def is_new(event: dict[str, Any]) -> bool:
        return str(event.get("at", "")) >= since

    reasons = Counter(
        _general(event) for event in sink.read_back(path, is_new, containing=".refused")
    )
    failed = sum(
        event.get("event") == "backup.failed"
        for event in sink.read_back(path, is_new, containing="backup.failed")
    )
    return dict(reasons.most_common(MOST_REASONS)), failed


def _general(event: Mapping[str, Any]) -> str:
    """What was refused and why, without whom it was."""
    what = str(event.get("event", "")).partition(".")[0]
    return f"{what}: {_PARTICULAR.sub('..', str(event.get('reason', '')))[:120]}"
