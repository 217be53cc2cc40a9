"""Batches of the queue on their way: every message of them ends in a conclusion.

A bundle is batches, for several destinations, that have messages in common. The messages are
loaded in one read; recipients whose way is the same, or whose domains have the same servers,
go together, so that a message is sent to a server once (RFC 5321 §5.1). Different ways are
gone at the same time, so that a slow one holds up nobody. A batch ends, and its place is
free, when all its recipients are concluded and that is durable; what a fault leaves
unconcluded is due again, after its destination was left alone for a while.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from postroom.blobs.store import BlobCorrupt
from postroom.delivery.connector import Candidate, Terms
from postroom.delivery.content import Loaded
from postroom.delivery.endings import Endings
from postroom.delivery.errand import Errand
from postroom.delivery.exchangers import Nowhere
from postroom.delivery.pace import Verdict, pace
from postroom.delivery.router import Way
from postroom.delivery.sending import Sending, not_found
from postroom.delivery.services import Services
from postroom.delivery.trip import Trip
from postroom.errors import MailError
from postroom.net.dns_records import LookupFailed
from postroom.queue import claims
from postroom.queue.claimed import Batch, Recipient
from postroom.queue.claims import Pace
from postroom.telemetry import sink
from postroom.telemetry.events import DestinationPaused


class Group:
    """Errands that go together; ``candidates`` are the hosts, none for mailboxes here.

    ``is_concluded``: there is nowhere to go, and that is being written.
    """

    def __init__(self, way: Way) -> None:
        self.way = way
        self.candidates: Sequence[Candidate] = ()
        self.trip = Trip()
        self.errands: dict[int, Errand] = {}
        self.is_concluded = False

    def add(self, loaded: Loaded, recipients: Iterable[Recipient]) -> None:
        """More recipients of a message."""
        ident = loaded.claimed.letter.id
        self.errands.setdefault(ident, Errand(loaded, [])).recipients.extend(recipients)

    def absorb(self, other: "Group") -> None:
        """Everything of another group with the same servers."""
        for errand in other.errands.values():
            self.add(errand.loaded, errand.recipients)

    @property
    def leases(self) -> set[int]:
        """The batches that have recipients in it."""
        return {one.lease for errand in self.errands.values() for one in errand.recipients}


class Courier:
    """Runs bundles, several at a time."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._endings = Endings(services)
        self._sending = Sending(services, self._endings)

    async def run(
        self, bundle: Sequence[Batch], content: Mapping[int, Loaded] | None = None
    ) -> None:
        """Everything of a bundle; its leases end with it. Raises MailError when they can't.

        ``content`` of messages that need not be read from the database.
        """
        broken = Trip()
        try:
            groups = await self._groups(bundle, content)
        except Exception as error:  # noqa: BLE001 - a fault of ours must not end delivery
            self._endings.fault("", bundle[0].destination, error)
            groups, broken.verdict, broken.reply = [], "dead", "a fault of this server"
        going = {group: asyncio.create_task(self._go(group)) for group in groups}
        ends = []
        for batch in bundle:
            mine = [one for one in groups if batch.lease in one.leases]
            trips = [broken, *[one.trip for one in mine]]
            ends.append(self._end(batch, trips, [going[one] for one in mine]))
        for ended in await asyncio.gather(*ends, return_exceptions=True):
            if isinstance(ended, BaseException):  # the other batches have ended nevertheless
                raise ended

    async def _end(
        self, batch: Batch, trips: Sequence[Trip], going: Sequence["asyncio.Task[None]"]
    ) -> None:
        """Once its groups are through: the lease ends, the pace of the destination changes."""
        await asyncio.gather(*going)
        services, now = self._services, self._services.clock()
        told = Trip()
        for trip in trips:
            if trip.verdict != "unused":
                told.saw(trip.verdict, trip.reply)
        change = pace(
            told.verdict,
            cap=batch.cap,
            failures=batch.failures,
            most=services.rules.most_per_destination,
            now=now,
            chance=services.chance(),
            reply=told.reply,
        )
        if told.verdict == "dead" and change is not None:
            seconds = (change.paused_until - now) // 1000
            sink.emit(
                DestinationPaused(destination=batch.destination, seconds=seconds, reason=told.reply)
            )
        self._remember(batch.destination, told.verdict, change)
        if not batch.is_express:
            await services.db.write(
                lambda tx: claims.end(tx, batch.lease, batch.destination, change, now)
            )
        elif told.verdict != "good":
            idents = [work.letter.id for work in batch.letters]
            await services.db.write(
                lambda tx: claims.give_back(tx, batch.lease, idents, batch.destination, change, now)
            )

    def _remember(self, destination: str, verdict: Verdict, change: Pace | None) -> None:
        troubles = self._services.troubles
        if verdict == "good":
            troubles.forget(destination)
        elif verdict == "dead" and change is not None:
            troubles.failed(destination, change.paused_until)
        elif change is not None and change.paused_until:
            troubles.note(destination, change.paused_until)

    async def _go(self, group: Group) -> None:
        """One way. Never raises: what is left over is put back by the end of its batch."""
        trip = group.trip
        try:
            try:
                if group.way.kind in {"here", "capture"}:
                    await self._file(group)
                elif not group.is_concluded:
                    await self._sending.deliver(
                        trip, group.candidates, list(group.errands.values())
                    )
            finally:
                await trip.settled()
        except Exception as error:  # noqa: BLE001 - see run
            self._endings.fault("", str(group.way), error)
            trip.saw("dead", "a fault of this server")

    async def _file(self, group: Group) -> None:
        services = self._services
        for errand in group.errands.values():
            for recipient in errand.recipients:
                try:
                    filed = await services.local.file(
                        group.way, errand.loaded, recipient, self._endings.judge()
                    )
                except BlobCorrupt as error:
                    await self._endings.quarantine(errand.letter.id, str(error))
                except Exception as error:  # noqa: BLE001 - it must not stop the rest
                    one = Errand(errand.loaded, [recipient])
                    await self._endings.poisonous(group.trip, one, error)
                else:
                    group.trip.settle(
                        services.reporter.file(
                            errand.loaded, filed.conclusion, filed.letters, filed.follow
                        )
                    )

    # Who goes together

    async def _groups(
        self, bundle: Sequence[Batch], content: Mapping[int, Loaded] | None
    ) -> list[Group]:
        """By way, then by servers. Recipients whose way can't be told are concluded."""
        by_way: dict[str, Group] = {}
        aside = Trip()
        letters = [work for batch in bundle for work in batch.letters]
        loaded = content or await self._services.contents.load(letters)
        for ident, damage in loaded.items():
            if isinstance(damage, BlobCorrupt):
                await self._endings.quarantine(ident, str(damage))
        for work in letters:
            one = loaded[work.letter.id]
            if isinstance(one, BlobCorrupt):
                continue
            for recipient in work.recipients:
                try:
                    way = await self._services.router.way(work.letter, recipient)
                except MailError as error:
                    self._endings.failed(aside, one, [recipient], str(error))
                    continue
                group = by_way.setdefault(way.key, Group(way))
                group.add(one, [recipient])
        await aside.settled()
        await asyncio.gather(*[self._find(group) for group in by_way.values()])
        urged = {batch.lease for batch in bundle if batch.is_urged}
        for group in by_way.values():
            if not urged.isdisjoint(group.leases):
                await self._services.connector.urge(group.candidates)
        return await self._merged(by_way.values())

    async def _find(self, group: Group) -> None:
        """The hosts of a way; where there can be none its errands are concluded."""
        if group.way.kind in {"here", "capture"}:
            return
        try:
            group.candidates = await self._services.connector.candidates(group.way)
        except Nowhere as error:
            self._endings.conclude(group.trip, group.errands.values(), error.reply)
            group.is_concluded = True
        except LookupFailed as error:
            some = list(group.errands.values())
            self._endings.unreachable(group.trip, some, not_found(error))
            group.is_concluded = True

    async def _merged(self, groups: Iterable[Group]) -> list[Group]:
        """Groups with the same hosts, used alike, become one; a message goes to them once.

        A domain that asks for more security than another one at the same hosts stays apart.
        """
        by_hosts: dict[tuple[str, ...], list[Group]] = {}
        merged: list[Group] = []
        for group in groups:
            hosts = tuple(sorted([one.host for one in group.candidates]))
            if group.way.kind == "mx" and hosts:
                by_hosts.setdefault(hosts, []).append(group)
            else:
                merged.append(group)
        for many in by_hosts.values():
            merged += await self._alike(many) if len(many) > 1 else many
        return merged

    async def _alike(self, groups: Sequence[Group]) -> list[Group]:
        by_terms: dict[Terms, Group] = {}
        apart: list[Group] = []
        for group in groups:
            terms = await self._services.connector.terms(group.candidates)
            if terms is None:
                apart.append(group)
                continue
            first = by_terms.setdefault(terms, group)
            if first is not group:
                first.absorb(group)
        return [*by_terms.values(), *apart]
