"""How the whole server does: what an administrator looks at first."""

import shutil
from datetime import datetime
from typing import Final

import msgspec

from postroom.admin import certificates, queue
from postroom.admin.certificates import CertificateView
from postroom.admin.office import Office
from postroom.admin.queue import StatsView
from postroom.db.database import Tx
from postroom.directory import accounts, aliases, domains
from postroom.ledger import flow

HOURS: Final = 24
LATE_HOURS: Final = 4  # a letter that waits longer is worth a word
SOON_DAYS: Final = 10  # a certificate that ends earlier was not renewed in time
HOUR_MS: Final = 3_600_000


class Alert(msgspec.Struct, frozen=True):
    """Something to look at: ``text`` says what, ``page`` where."""

    text: str
    page: str


class Overview(msgspec.Struct, frozen=True):
    """``hours`` are the messages accepted in each of the last 24 hours, the oldest first."""

    domains: int
    accounts: int
    aliases: int
    hours: tuple[int, ...]
    queue: StatsView
    free: int
    size: int
    certificates: tuple[CertificateView, ...]
    alerts: tuple[Alert, ...]


async def show(office: Office) -> Overview:
    """Everything, from a few short reads."""
    now = office.now()

    def count(tx: Tx) -> tuple[int, int, int]:
        return domains.count(tx), accounts.count(tx), aliases.count(tx)

    counted = await office.directory.look(count)
    hours = await office.db.read(lambda tx: flow.accepted(tx, now, HOURS))
    waiting = await queue.stats(office)
    held = tuple(await certificates.every(office))
    disk = shutil.disk_usage(office.config.folder)
    alerts = [*_about_queue(waiting, now), *_about_certificates(held, now)]
    if disk.free < office.config.limits.disk_reserve * 2:
        alerts.append(Alert("the disk is nearly full: mail will be refused soon", "/admin"))
    return Overview(*counted, tuple(hours), waiting, disk.free, disk.total, held, tuple(alerts))


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


def _about_queue(waiting: StatsView, now: int) -> list[Alert]:
    alerts: list[Alert] = []
    if waiting.quarantined:
        alerts.append(
            Alert(f"{waiting.quarantined} letters could not be handled twice", "/admin/queue")
        )
    if waiting.oldest is not None and _age_hours(waiting.oldest, now) >= LATE_HOURS:
        hours = _age_hours(waiting.oldest, now)
        alerts.append(Alert(f"the oldest letter waits for {hours} hours", "/admin/queue"))
    return alerts


def _about_certificates(held: tuple[CertificateView, ...], now: int) -> list[Alert]:
    alerts: list[Alert] = []
    for one in held:
        if one.expires is None:
            if one.problem:
                alerts.append(Alert(f"no certificate for {one.name}: {one.problem}", "/admin"))
        elif -_age_hours(one.expires, now) < SOON_DAYS * 24:
            alerts.append(
                Alert(f"the certificate of {one.name} ends soon: {one.problem}", "/admin")
            )
    return alerts


def _age_hours(moment: datetime, now: int) -> int:
    return int(now - moment.timestamp() * 1000) // HOUR_MS
