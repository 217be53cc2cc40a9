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
    """Something to look at: ``text`` says what, ``page`` where.

    ``about`` stays the same while the text changes; ``is_of_machine``: of this one alone.
    """

    text: str
    page: str
    about: str
    is_of_machine: bool = False


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
    return Overview(
        *counted, tuple(hours), waiting, disk.free, disk.total, held,
        _judged(office, waiting, held, disk.free),
    )  # fmt: skip


async def alerts(office: Office) -> tuple[Alert, ...]:
    """What is to be looked at, alone."""
    waiting = await queue.stats(office)
    held = tuple(await certificates.every(office))
    return _judged(office, waiting, held, shutil.disk_usage(office.config.folder).free)


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


def _judged(
    office: Office, waiting: StatsView, held: tuple[CertificateView, ...], free: int
) -> tuple[Alert, ...]:
    now = office.now()
    found = [*_about_queue(waiting, now), *_about_certificates(held, now)]
    if free < office.config.limits.disk_reserve * 2:
        text = "the disk is nearly full: mail will be refused soon"
        found.append(Alert(text, "/admin", "disk", is_of_machine=True))
    return tuple(found)


def _about_queue(waiting: StatsView, now: int) -> list[Alert]:
    found: list[Alert] = []
    if waiting.quarantined:
        found.append(
            Alert(
                f"{waiting.quarantined} letters could not be handled twice",
                "/admin/queue",
                "quarantine",
            )
        )
    if waiting.oldest is not None and _age_hours(waiting.oldest, now) >= LATE_HOURS:
        hours = _age_hours(waiting.oldest, now)
        found.append(Alert(f"the oldest letter waits for {hours} hours", "/admin/queue", "queue"))
    return found


def _about_certificates(held: tuple[CertificateView, ...], now: int) -> list[Alert]:
    found: list[Alert] = []
    for one in held:
        if one.expires is None:
            if one.problem:
                text = f"no certificate for {one.name}: {one.problem}"
                found.append(Alert(text, "/admin", f"certificate {one.name}"))
        elif -_age_hours(one.expires, now) < SOON_DAYS * 24:
            text = f"the certificate of {one.name} ends soon: {one.problem}"
            found.append(Alert(text, "/admin", f"certificate {one.name}"))
    return found


def _age_hours(moment: datetime, now: int) -> int:
    return int(now - moment.timestamp() * 1000) // HOUR_MS
