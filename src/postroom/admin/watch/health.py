"""How well the server is: a number from 0 to 100, and what lowers it.

A pure judgement of measured facts: the same facts at the same time give the same number. Each
lack takes its points, says why and what to do; what is ``urgent`` is an alert besides.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

import msgspec

from postroom.admin.dns.states import Lacking
from postroom.admin.names import count
from postroom.admin.queue import StatsView
from postroom.admin.tls.certificates import CertificateView
from postroom.admin.watch.hijacking import SuspectView
from postroom.admin.watch.own_listings import advice
from postroom.policy.own_listings import Listed

BEST: Final = 100
HOUR_MS: Final = 3_600_000
LATE_HOURS: Final = 4  # a letter that waits longer is worth a word
STUCK_HOURS: Final = 24
SOON_DAYS: Final = 10  # a certificate that ends earlier was not renewed in time
MOST_DOMAINS: Final = 3  # that lower the score one by one
FULL: Final = 0.9  # of the disk


class Lack(msgspec.Struct, frozen=True):
    """What lowers the score by ``points``: why, what to do, and on which page.

    ``about`` stays the same while the text changes; ``is_of_machine``: of this one alone.
    """

    about: str
    points: int
    reason: str
    action: str
    page: str
    urgent: bool = False
    is_of_machine: bool = False


class Health(msgspec.Struct, frozen=True):
    """``score`` is 100 less the points of all lacks, never below 0; the heaviest come first."""

    score: int
    lacks: tuple[Lack, ...]


class Backups(msgspec.Struct, frozen=True):
    """Backups by the timetable. ``every`` is hours, 0 when none are taken; ``last`` in ms."""

    every: int = 0
    last: int | None = None


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a server at ``now`` (UTC milliseconds); sizes are octets.

    ``owners`` may log in, ``unguarded`` of them without a second factor.
    """

    now: int
    queue: StatsView
    certificates: tuple[CertificateView, ...] = ()
    free: int
    size: int
    reserve: int
    owners: int
    unguarded: int
    backups: Backups = Backups()
    lacking: tuple[Lacking, ...] = ()
    listed: tuple[Listed, ...] = ()
    suspects: tuple[SuspectView, ...] = ()
    runs: bool = True


def judge(measured: Measured) -> Health:
    """The score, and what lowers it."""
    found = [
        *_about_server(measured),
        *_about_disk(measured),
        *_about_queue(measured.queue, measured.now),
        *_about_certificates(measured.certificates, measured.now),
        *_about_backups(measured.backups, measured.now),
        *_about_records(measured.lacking),
        *_about_listings(measured.listed),
        *_about_suspects(measured.suspects),
        *_about_owners(measured),
    ]
    found.sort(key=lambda one: (-one.points, one.about))
    return Health(max(0, BEST - sum(one.points for one in found)), tuple(found))


def _about_server(measured: Measured) -> Iterator[Lack]:
    if not measured.runs:
        yield Lack(
            "server", 60, "the server does not run", "systemctl start postroom, or postroom serve",
            "/admin", urgent=True, is_of_machine=True,
        )  # fmt: skip


def _about_disk(measured: Measured) -> Iterator[Lack]:
    action = "make room (postroom undelete purge), or give it a larger disk"
    if measured.free < measured.reserve * 2:
        refused = measured.free < measured.reserve
        when = "new mail is put off" if refused else "mail will be refused soon"
        yield Lack(
            "disk", 50 if refused else 25, f"the disk is nearly full: {when}", action, "/admin",
            urgent=True, is_of_machine=True,
        )  # fmt: skip
    elif measured.size and measured.free < measured.size * (1 - FULL):
        used = 100 - 100 * measured.free // measured.size
        yield Lack(
            "disk filling", 5, f"{used} % of the disk are in use", action, "/admin",
            is_of_machine=True,
        )  # fmt: skip


def _about_queue(waiting: StatsView, now: int) -> Iterator[Lack]:
    if waiting.quarantined:
        yield Lack(
            "quarantine", 15, f"{count(waiting.quarantined, 'letter')} could not be handled twice",
            "see what is wrong with them: postroom doctor; then postroom queue retry",
            "/admin/queue", urgent=True,
        )  # fmt: skip
    if waiting.oldest is None:
        return
    hours = _age_hours(waiting.oldest, now)
    if hours >= LATE_HOURS:
        yield Lack(
            "queue", 20 if hours >= STUCK_HOURS else 10,
            f"the oldest letter waits for {count(hours, 'hour')}",
            "see what the other server says: postroom queue list", "/admin/queue", urgent=True,
        )  # fmt: skip


def _about_certificates(held: tuple[CertificateView, ...], now: int) -> Iterator[Lack]:
    for one in held:
        action = f"postroom certificate renew {one.name}"
        about = f"certificate {one.name}"
        if one.file:
            action = "put a new one in its place, then: systemctl reload postroom"
            if one.problem:
                reason = f"the certificate in {one.file}: {one.problem}"
                yield Lack(about, 40, reason, action, "/admin#certificates", urgent=True)
                continue
        if one.expires is None:
            if one.problem:
                reason = f"no certificate for {one.name}: {one.problem}"
                yield Lack(about, 20, reason, action, "/admin#certificates", urgent=True)
            continue
        left = -_age_hours(one.expires, now)
        if left < SOON_DAYS * 24:
            ends = "ends soon" if left > 0 else "has ended"
            problem = f": {one.problem}" if one.problem else ""
            reason = f"the certificate of {one.name} {ends}{problem}"
            points = 20 if left > 0 else 40
            yield Lack(about, points, reason, action, "/admin#certificates", urgent=True)


def _about_backups(backups: Backups, now: int) -> Iterator[Lack]:
    if not backups.every:
        yield Lack(
            "backup", 10, "no backups are taken by themselves",
            "set path under [backup] in postroom.toml, or let another program run postroom backup",
            "/admin/settings",
        )  # fmt: skip
    elif backups.last is None:
        yield Lack(
            "backup", 10, "there is no backup yet",
            "the server takes one within minutes; its log says why where it can't", "/admin",
        )  # fmt: skip
    elif now - backups.last > 2 * backups.every * HOUR_MS:
        hours = (now - backups.last) // HOUR_MS
        yield Lack(
            "late backup", 20, f"the last backup is {count(hours, 'hour')} old",
            "see in the log why the later ones failed (backup.failed)", "/admin", urgent=True,
            is_of_machine=True,
        )  # fmt: skip


def _about_records(lacking: tuple[Lacking, ...]) -> Iterator[Lack]:
    for one in lacking[:MOST_DOMAINS]:
        yield Lack(
            f"dns {one.domain}", 10,
            f"DNS records of {one.domain} are missing or wrong: {', '.join(one.records)}",
            f"see what to publish: postroom dns {one.domain} --check",
            f"/admin/domains/{one.domain}",
        )  # fmt: skip
    more = [one.domain for one in lacking[MOST_DOMAINS:]]
    if more:
        yield Lack(
            "dns of others", 10, f"so are those of {count(len(more), 'more domain')}: {', '.join(more)}",
            "see what to publish: postroom dns DOMAIN --check", "/admin/domains",
        )  # fmt: skip


def _about_listings(listed: tuple[Listed, ...]) -> Iterator[Lack]:
    for one in listed:
        told = f": {one.reason}" if one.reason else f" ({', '.join(one.answers)})"
        yield Lack(
            f"listed {one.address} {one.zone}", 15,
            f"{one.address}, which this server sends from, is listed in {one.zone}{told}",
            advice(one), "/admin#blocklists", urgent=True,
        )  # fmt: skip


def _about_suspects(suspects: tuple[SuspectView, ...]) -> Iterator[Lack]:
    for one in suspects:
        held = "; it is held" if one.held else ""
        yield Lack(
            f"hijack {one.account}", 20,
            f"{one.account} may be used by somebody else: {'; '.join(one.reasons)}{held}",
            f"give it a new password (postroom account password {one.account}), or let it go on"
            f" (postroom account release {one.account})",
            f"/admin/people/{one.account}", urgent=True,
        )  # fmt: skip


def _about_owners(measured: Measured) -> Iterator[Lack]:
    if not measured.owners:
        yield Lack(
            "owner", 5, "nobody may administer in the browser, and alerts reach nobody",
            "postroom account role ADDRESS owner", "/admin/people",
        )  # fmt: skip
    elif measured.unguarded:
        who = f"{measured.unguarded} of {measured.owners} owners log in"
        yield Lack(
            "second factor", 5, f"{who} with a password alone",
            'they turn it on under "Security"; [login] second_factor = "admins" demands it',
            "/admin/people",
        )  # fmt: skip


def _age_hours(moment: datetime, now: int) -> int:
    return int(now - moment.timestamp() * 1000) // HOUR_MS
