"""What a server does on the quiet: finish deletions, free octets, forget what is old.

Signing keys are made where they are missing, and begin to sign once their records are seen
in the DNS. Every job may be cut off at any moment and runs again later; none holds the
writer long.
"""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Final

from postroom.admin import accounts, audit, dkim, held_posts, retention, suppression
from postroom.admin.dns import keeping
from postroom.admin.office import Office
from postroom.blobs.sweep import sweep
from postroom.db.ids import first_id_at
from postroom.delivery.jumps import Jumps
from postroom.directory import sts_policies
from postroom.directory.dkim_keys import DkimKey
from postroom.ledger import dmarc_results, reports, segments, tls_results
from postroom.ledger.retention import forget
from postroom.mailauth import dkim_key
from postroom.net.dns import Resolver
from postroom.net.dns_records import InvalidName, LookupFailed
from postroom.policy import ban_rows, device_rows, greylist_rows, login_rows
from postroom.process import Trimmer
from postroom.queue import idle, submissions
from postroom.queue.rows import still_waiting
from postroom.store import memory, rejects, uploads
from postroom.telemetry import sink
from postroom.telemetry.events import ExpungedPurged, KeyActivated
from postroom.telemetry.trouble import quietly

MINUTE: Final = 60.0  # seconds
DAY_MS: Final = 86_400_000
ROUNDS_OF_ALL: Final = 60  # so many minutes from one round of all jobs to the next
ROUNDS_OF_LOOKUPS: Final = 10
MOST_WAITING: Final = 10_000  # keys that are looked up in one round
LOOKUPS_AT_ONCE: Final = 20

PAUSE_MS: Final = DAY_MS  # after a jump of the clock, before anything is given up for its age
AGING: Final = frozenset(
    {
        "retention", "accounts", "expunged", "rejects", "uploads", "memory of scripts", "ledger",
        "audit log", "held posts", "suppression", "reports", "bans", "logins", "old signing keys",
    }
)  # fmt: skip

Job = Callable[[], Awaitable[object]]


class Housekeeping:
    """The jobs of one server; ``run`` does them until it is cancelled."""

    def __init__(
        self,
        office: Office,
        resolver: Resolver | None = None,
        *,
        trimmer: Trimmer | None = None,
        steady: Callable[[], int] = lambda: time.monotonic_ns() // 1_000_000,
    ) -> None:
        """Without a ``resolver`` nothing is looked up in the DNS. ``trimmer`` has begun.

        Nobody sets ``steady``.
        """
        self._jumps = Jumps(office.clock, steady, pause_ms=PAUSE_MS)
        self._office = office
        self._resolver = resolver
        self.jobs: Mapping[str, Job] = {
            "deletions": office.store.finish_deletions,
            "expunges": office.store.forget_expunges,
            "retention": lambda: retention.expire(office),
            "accounts": self._purge_accounts,
            "expunged": self._purge_expunged,
            "rejects": self._purge_rejects,
            "uploads": self._purge_uploads,
            "held posts": lambda: held_posts.expire(office),
            "memory of scripts": self._purge_memory,
            "ledger": self._forget_letters,
            "destinations": self._forget_destinations,
            "blobs": lambda: office.blobs.collect(office.db, office.now()),
            "files": lambda: sweep(office.config.folder, office.db, office.now()),
            "audit log": lambda: audit.purge(office),
            "policies": self._forget_policies,
            "reports": self._forget_reports,
            "suppression": lambda: suppression.purge(office),
            "bans": self._forget_bans,
            "logins": self._forget_logins,
            "old signing keys": self._purge_keys,
            "missing signing keys": lambda: dkim.make_missing(office),  # takes long at first
        }
        self.lookup_jobs: Mapping[str, Job] = {"new signing keys": self.activate_keys}
        self.frequent_jobs: dict[str, Job] = {
            "segments": lambda: segments.extend(office.db, office.now()),
            "sweeps": office.store.settle_sweeps,
        }
        if trimmer is not None:
            self.frequent_jobs["memory"] = trimmer.trim

    async def run(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """All at the start; then each minute, every ten minutes or every hour."""
        for number in itertools.count():
            if number % ROUNDS_OF_ALL == 0:
                await self.once(self.jobs)
            if number % ROUNDS_OF_LOOKUPS == 0:
                await self.once(self.lookup_jobs)
            await self.once(self.frequent_jobs)
            await sleep(MINUTE)

    async def once(self, jobs: Mapping[str, Job]) -> None:
        """These jobs; one that fails is told and does not stop the others.

        When the clock has jumped of late nothing is given up for its age.
        """
        self._jumps.look()
        for name, job in jobs.items():
            if name in AGING and self._jumps.is_careful:
                continue
            await quietly(f"housekeeping: {name}", job)

    async def activate_keys(self) -> None:
        """Let keys sign whose records are in the DNS, a domain's all together."""
        if self._resolver is None:
            return
        slots = asyncio.Semaphore(LOOKUPS_AT_ONCE)
        resolver = self._resolver

        async def seen(keys: Iterable[DkimKey]) -> bool:
            for key in keys:
                async with slots:
                    if not await _is_published(resolver, key):
                        return False
            return True

        waiting = by_domain(await dkim.waiting(self._office, MOST_WAITING))
        await keeping.publish(
            self._office, [keys[0].domain for keys in waiting], {"DKIM"}, resolver=resolver
        )
        found = await asyncio.gather(*map(seen, waiting))
        for keys, is_seen in zip(waiting, found, strict=True):
            if is_seen:
                await dkim.activate(self._office, [key.id for key in keys])
                for key in keys:
                    sink.emit(KeyActivated(domain=key.domain, selector=key.selector))

    async def _purge_keys(self) -> None:
        """Their records go first, where somebody lets us change the zone."""
        if self._resolver is not None:
            await keeping.withdraw_keys(self._office, resolver=self._resolver)
        await dkim.purge(self._office)

    async def _purge_accounts(self) -> None:
        office = self._office
        await accounts.purge_removed(office, office.now(), office.store.remove_account)

    async def _purge_expunged(self) -> None:
        """What can be had back no longer; when the disk is too full, the oldest before their time.

        What was freed before and waits to be collected counts as room, so that it is not freed
        again and again meanwhile. The disk of PostgreSQL is somebody else's.
        """
        office, limits = self._office, self._office.config.limits
        await office.store.purge_oldest(before=office.now() - limits.undelete_days * DAY_MS)
        missing = await asyncio.to_thread(office.blobs.disk.missing)
        if not missing or office.db.engine == "postgres":
            return
        missing -= await office.db.read(office.blobs.freed)
        if missing > 0:
            purged = await office.store.purge_oldest(octets=missing)
            if purged.messages:
                sink.emit(ExpungedPurged(messages=purged.messages, octets=purged.octets))

    async def _purge_rejects(self) -> None:
        store = self._office.store
        before = self._office.now() - rejects.KEPT_MS
        while await store.write_bulk(rejects.purge, store.blobs, self._office.now(), before=before):
            pass

    async def _purge_uploads(self) -> None:
        store = self._office.store
        before = self._office.now() - uploads.KEPT_MS
        while await store.write_bulk(uploads.purge, store.blobs, self._office.now(), before=before):
            pass

    async def _purge_memory(self) -> None:
        while await self._office.store.write_bulk(memory.purge, self._office.now()):
            pass

    async def _forget_letters(self) -> None:
        office = self._office
        days = office.config.limits.ledger_days
        await forget(office.db, office.now(), days, still_waiting)
        old = first_id_at(office.now() - days * DAY_MS)
        while await office.db.write(lambda tx: submissions.expire(tx, old), bulk=True):
            pass
        older = first_id_at(office.now() - days * DAY_MS - submissions.REMEMBERED_MS)
        while await office.db.write(lambda tx: submissions.forget(tx, older), bulk=True):
            pass

    async def _forget_destinations(self) -> None:
        db, now, after = self._office.db, self._office.now(), ""
        while names := await db.read(partial(idle.some, now=now, after=after)):
            await db.write(partial(idle.drop, now=now, names=names), bulk=True)
            after = names[-1]

    async def _forget_policies(self) -> None:
        now = self._office.now()
        await self._office.db.write(lambda tx: sts_policies.purge(tx, now), bulk=True)

    async def _forget_reports(self) -> None:
        office, now = self._office, self._office.now()
        await office.db.write(lambda tx: tls_results.purge(tx, now), bulk=True)
        await office.db.write(lambda tx: dmarc_results.purge(tx, now), bulk=True)
        await office.db.write(lambda tx: reports.purge_sent(tx, now // DAY_MS), bulk=True)
        oldest = first_id_at(now - reports.KEEP_MS)
        while await office.db.write(lambda tx: reports.purge(tx, oldest), bulk=True):
            pass

    async def _forget_bans(self) -> None:
        now = self._office.now()
        await self._office.db.write(lambda tx: ban_rows.purge(tx, now), bulk=True)
        await self._office.db.write(lambda tx: device_rows.purge(tx, now), bulk=True)
        await self._office.db.write(lambda tx: greylist_rows.purge(tx, now), bulk=True)

    async def _forget_logins(self) -> None:
        office = self._office
        before = office.now() // DAY_MS - office.config.login.history_days
        while await office.db.write(lambda tx: login_rows.purge(tx, before), bulk=True):
            pass


def by_domain(keys: list[DkimKey]) -> list[list[DkimKey]]:
    """The waiting keys of each domain; where there are too many, none of a part of a pair."""
    grouped: dict[int, list[DkimKey]] = {}
    for key in keys:
        grouped.setdefault(key.domain_id, []).append(key)
    if len(keys) == MOST_WAITING and len(grouped) > 1:
        del grouped[keys[-1].domain_id]
    return list(grouped.values())


async def _is_published(resolver: Resolver, key: DkimKey) -> bool:
    try:
        answer = await resolver.lookup(key.record_name, "TXT")
    except (LookupFailed, InvalidName):
        return False
    return any(
        dkim_key.publishes(record.decode("utf-8", "replace"), key.public)
        for record in answer.records
    )
