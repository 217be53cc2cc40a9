"""A whole examination: settings, machine, database, mail, the world outside.

What comes first is what the rest stands on: a database that can't be opened ends it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import islice
from typing import Final

import msgspec

from postroom.admin import facts, overview
from postroom.admin.doctor import machine, mail
from postroom.admin.doctor.finding import Finding, Report
from postroom.admin.facts import Place, Reach
from postroom.admin.office import Office
from postroom.admin.open import open_office
from postroom.admin.tls import certificates
from postroom.admin.watch import own_listings
from postroom.admin.watch.health import Health
from postroom.config.model import Config
from postroom.db import health
from postroom.db.identity import highest_id
from postroom.db.ids import first_id_at
from postroom.directory.secrets import Secrets
from postroom.errors import MailError, Refused
from postroom.net.dns import Resolver

AHEAD_MS: Final = 60_000  # that the newest row may be ahead of the clock
_FACTS: Final = frozenset({"clock", "outgoing port 25", "server name", "reverse name"})
_DAMAGED: Final = "stop the server, then restore a backup into a new data folder: postroom restore"

Told = Callable[[str], None]


class Order(msgspec.Struct, frozen=True):
    """How to examine. ``deep``: read every octet. ``offline``: ask nobody outside."""

    deep: bool = False
    repair: bool = False
    offline: bool = False


async def examine(config: Config, order: Order, told: Told = lambda _check: None) -> Report:
    """Examine an install; ``told`` gets the name of each check as it begins."""
    examination = _Examination(config, order, told)
    await examination.run()
    return Report(examination.checks, examination.findings, examination.health)


class _Examination:
    def __init__(self, config: Config, order: Order, told: Told) -> None:
        self._config = config
        self._order = order
        self._told = told
        self.checks: list[str] = []
        self.findings: list[Finding] = []
        self.health: Health | None = None

    async def run(self) -> None:
        config, repair = self._config, self._order.repair
        await self._inform("permissions", lambda: machine.permissions(config, repair=repair))
        await self._inform("disk", lambda: machine.disk(config))
        await self._inform("ports", lambda: machine.ports(config))
        if config.database is None and not await self._database():
            return
        try:
            async with open_office(config) as office:
                await self._office(office)
        except (Refused, MailError) as error:
            self._begin("database")
            reason = str(error)
            self._add(Finding("database", "error", str(config.folder), reason, _DAMAGED))

    async def _database(self) -> bool:
        """Whether it can be used at all."""
        self._begin("database")
        folder = self._config.folder
        found = await asyncio.to_thread(health.faults, folder, deep=self._order.deep)
        for fault in found:
            self._add(Finding("database", "error", str(folder), fault, _DAMAGED))
        return not found

    async def _office(self, office: Office) -> None:
        repair = self._order.repair
        self._begin("keys")
        for finding in _keys(self._config):
            self._add(finding)
        await self._collect("clock", _clock(office))
        await self._collect("counters", mail.counters(office, repair=repair))
        await self._collect("messages", mail.messages(office, repair=repair))
        await self._collect("references", mail.references(office, repair=repair))
        await self._collect("files", mail.files(office, repair=repair))
        if self._order.deep:
            await self._collect("digests", mail.digests(office))
        await self._collect("queue", mail.outgoing(office, repair=repair))
        await self._collect("certificates", _certificates(office))
        await self._collect("world", self._world(office))
        self.health = (await overview.examine(office)).health

    async def _world(self, office: Office) -> AsyncIterator[Finding]:
        """What can be measured of the machine and, unless offline, from outside."""
        place = Place(
            domain=office.config.hostname,
            hostname=office.config.hostname,
            data=office.config.folder,
            ports=(),
        )
        async with Resolver(office.config.dns.servers) as resolver:
            reach = Reach(resolver=resolver, is_offline=self._order.offline)
            for fact in await facts.measure(place, reach):
                if fact.what in _FACTS and fact.state in {"attention", "bad"}:
                    yield Finding("world", "warning", fact.what, fact.seen, fact.advice)
            if not self._order.offline:
                for looked in await own_listings.look(office, resolver):
                    for one in looked.listed:
                        reason = f"listed in {one.zone}: {one.reason or ', '.join(one.answers)}"
                        action = own_listings.advice(one)
                        yield Finding("world", "warning", one.address, reason, action)

    async def _inform(self, check: str, look: Callable[[], Iterator[Finding]]) -> None:
        self._begin(check)
        for finding in await asyncio.to_thread(lambda: list(islice(look(), mail.MOST))):
            self._add(finding)

    async def _collect(self, check: str, findings: AsyncIterator[Finding]) -> None:
        self._begin(check)
        count = 0
        async for finding in findings:
            count += 1
            if count <= mail.MOST:  # what is mended goes on
                self._add(finding)

    def _begin(self, check: str) -> None:
        if check not in self.checks:
            self.checks.append(check)
            self._told(check)

    def _add(self, finding: Finding) -> None:
        self.findings.append(finding)


def _keys(config: Config) -> Iterator[Finding]:
    """The keys of the install can be read."""
    keys = Secrets(config.folder / "secrets")
    for name in ("pepper", "scram", "seal", "srs"):
        try:
            getattr(keys, name)
        except MailError as error:
            action = "bring the file back from a backup; without it passwords and keys are lost"
            yield Finding("keys", "error", name, error.detail, action)


async def _clock(office: Office) -> AsyncIterator[Finding]:
    """No row is of the future."""
    newest = await office.db.read(highest_id)
    if newest >= first_id_at(office.now() + AHEAD_MS):
        yield Finding(
            "clock", "error", "clock", "it is behind the newest row of the database",
            "set it right: times and keys depend on it",
        )  # fmt: skip


async def _certificates(office: Office) -> AsyncIterator[Finding]:
    now = machine.moment(office.now())
    for finding in await asyncio.to_thread(lambda: list(machine.certificates(office.config, now))):
        yield finding
    for one in await certificates.every(office):
        if one.problem and one.file:
            yield Finding("certificates", "error", one.file, one.problem, machine.REPLACE)
            continue
        if one.problem:
            action = f"postroom certificate renew {one.name}"
            yield Finding("certificates", "warning", one.name, one.problem, action)
        if one.expires is not None:
            for finding in machine.expiring(one.name, one.expires, now):
                yield finding
