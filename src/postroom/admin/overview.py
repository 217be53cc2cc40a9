"""How the whole server does: what an administrator looks at first."""

import asyncio
import shutil
from pathlib import Path
from typing import Final

import msgspec

from postroom.admin import queue
from postroom.admin.backup import schedule
from postroom.admin.dns import states
from postroom.admin.office import Office
from postroom.admin.queue import StatsView
from postroom.admin.tls import certificates
from postroom.admin.tls.certificates import CertificateView
from postroom.admin.watch import health, hijacking, own_listings
from postroom.admin.watch.health import Backups, Health, Measured
from postroom.admin.watch.own_listings import ListingView
from postroom.db.database import Tx
from postroom.db.locks import is_served
from postroom.directory import accounts, aliases, domains, second_factor
from postroom.ledger import flow

HOURS: Final = 24


class Alert(msgspec.Struct, frozen=True):
    """Something to look at: ``text`` says what, ``page`` where, ``action`` what to do.

    ``about`` stays the same while the text changes; ``is_of_machine``: of this one alone.
    """

    text: str
    page: str
    about: str
    is_of_machine: bool = False
    action: str = ""


class Overview(msgspec.Struct, frozen=True):
    """``hours`` are the messages accepted in each of the last 24 hours, the oldest first.

    ``submitted``: those of them that people here have sent; sizes are octets.
    """

    health: Health
    domains: int
    accounts: int
    aliases: int
    hours: tuple[int, ...]
    submitted: tuple[int, ...]
    queue: StatsView
    free: int
    size: int
    certificates: tuple[CertificateView, ...]
    blocklists: tuple[ListingView, ...]
    alerts: tuple[Alert, ...]


async def show(office: Office) -> Overview:
    """Everything, from a few short reads."""
    now = office.now()

    def count(tx: Tx) -> tuple[int, int, int]:
        return domains.count(tx), accounts.count(tx), aliases.count(tx)

    counted = await office.directory.look(count)
    hours = await office.db.read(lambda tx: flow.accepted(tx, now, HOURS))
    measured = await measure(office)
    judged = health.judge(measured)
    return Overview(
        judged, *counted,
        hours=tuple(one.all for one in hours), submitted=tuple(one.submitted for one in hours),
        queue=measured.queue, free=measured.free, size=measured.size,
        certificates=measured.certificates, blocklists=tuple(await own_listings.last(office)),
        alerts=_alerts(judged),
    )  # fmt: skip


async def measure(office: Office) -> Measured:
    """The facts that the health of the server is judged by."""

    def owners(tx: Tx) -> tuple[int, int]:
        found = [one.id for one in accounts.owners(tx)]
        return len(found), sum(not second_factor.is_on(tx, one) for one in found)

    count, unguarded = await office.directory.look(owners)
    disk = shutil.disk_usage(office.config.folder)
    return Measured(
        now=office.now(),
        queue=await queue.stats(office),
        certificates=tuple(await certificates.every(office)),
        free=disk.free,
        size=disk.total,
        reserve=office.config.limits.disk_reserve,
        owners=count,
        unguarded=unguarded,
        backups=await asyncio.to_thread(_backups, office),
        lacking=await states.lacking(office),
        suspects=await hijacking.current(office),
        listed=tuple(two for one in await own_listings.last(office) for two in one.listed),
    )


async def examine(office: Office) -> Overview:
    """The same as ``show``, from a command: whether the server runs counts as well."""
    found = await show(office)
    if await asyncio.to_thread(is_served, office.config.folder):
        return found
    measured = msgspec.structs.replace(await measure(office), runs=False)
    judged = health.judge(measured)
    return msgspec.structs.replace(found, health=judged, alerts=_alerts(judged))


async def alerts(office: Office) -> tuple[Alert, ...]:
    """What is to be looked at, alone."""
    return _alerts(health.judge(await measure(office)))


class Part(msgspec.Struct, frozen=True):
    """What an administrator of single domains has; ``queue``: what their people have sent."""

    domains: int
    accounts: int
    aliases: int
    queue: StatsView


async def within(office: Office, administrator: int) -> Part:
    """The same for the domains of an administrator (the id of an account)."""

    def count(tx: Tx) -> tuple[int, int, int]:
        return (
            domains.count(tx, within=administrator),
            accounts.count(tx, within=administrator),
            aliases.count(tx, within=administrator),
        )

    counted = await office.directory.look(count)
    return Part(*counted, await queue.stats(office, within=administrator))


def _alerts(judged: Health) -> tuple[Alert, ...]:
    return tuple(
        Alert(one.reason, one.page, one.about, one.is_of_machine, one.action)
        for one in judged.lacks
        if one.urgent
    )


def _backups(office: Office) -> Backups:
    settings = office.config.backup
    if settings.path is None:
        return Backups()
    return Backups(settings.every, schedule.last(Path(settings.path), office.now()))
