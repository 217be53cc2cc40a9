"""Messages that go the same way: its hosts in order, over connections that are kept.

A host that can't be used makes room for the next one; what a server has begun is concluded
by its answers, what it did not begin goes on. RFC 5321 §5.1.
"""

from collections.abc import Sequence

import msgspec

from postroom.blobs.store import BlobCorrupt
from postroom.delivery.connector import Candidate, Unusable
from postroom.delivery.content import Unfit
from postroom.delivery.endings import NOT_YET, Endings
from postroom.delivery.errand import Errand, errands
from postroom.delivery.exchangers import Nowhere
from postroom.delivery.parcel import Parcel
from postroom.delivery.peer import Peer
from postroom.delivery.providers import provider_of
from postroom.delivery.services import Services
from postroom.delivery.trip import Trip
from postroom.errors import MailError
from postroom.net.dns_records import LookupFailed
from postroom.protocol.smtp.client_replies import ServerReply, local_reply
from postroom.protocol.smtp.client_transaction import TransactionDone


class Sending:
    """Shared by couriers."""

    def __init__(self, services: Services, endings: Endings) -> None:
        self._services = services
        self._endings = endings

    async def deliver(
        self, trip: Trip, candidates: Sequence[Candidate], left: list[Errand]
    ) -> None:
        """Until each errand is concluded or put back."""
        for must_prove in (False, True):
            some = [one for one in left if one.letter.requiretls is must_prove]
            if some:
                await self._try_all(trip, candidates, some, must_prove=must_prove)

    async def _try_all(
        self, trip: Trip, candidates: Sequence[Candidate], left: list[Errand], *, must_prove: bool
    ) -> None:
        refusals: list[ServerReply] = []
        for candidate in candidates:
            left, refusal = await self._try_host(trip, candidate, left, must_prove=must_prove)
            if not left:
                return
            if trip.verdict == "busy":
                self._endings.back(trip, left)
                return
            refusals.append(refusal)
        reply = _sum_of(refusals)
        if not reply.is_permanent:
            trip.saw("dead", str(reply))
        self._endings.conclude(trip, left, reply)

    async def _try_host(
        self, trip: Trip, candidate: Candidate, left: list[Errand], *, must_prove: bool
    ) -> tuple[list[Errand], ServerReply]:
        """What is left after this host, and why it took no more."""
        services = self._services
        key = f"{candidate.key}!" if must_prove else candidate.key
        async with services.slots.slot(candidate.host):
            while True:
                peer = services.pool.take(key)
                is_old = peer is not None
                try:
                    if peer is None:
                        peer = await services.connector.open(candidate, must_prove=must_prove)
                except Unusable as error:
                    return left, error.reply
                except Nowhere as error:
                    return left, error.reply
                except LookupFailed as error:
                    return left, not_found(error)
                before = peer.served
                try:
                    left = await self._hand_over(trip, candidate, peer, left)
                finally:
                    services.pool.put(key, peer, self._most_messages(candidate, peer))
                has_stalled = peer.served == before and not is_old
                if not left or trip.verdict == "busy" or has_stalled:
                    return left, NOT_YET

    async def _hand_over(
        self, trip: Trip, candidate: Candidate, peer: Peer, left: list[Errand]
    ) -> list[Errand]:
        """Send what this peer takes; what it did not begin."""
        most = self._most_recipients(candidate, peer)
        jobs = list(errands(left, most))
        parcels: list[Parcel] = []
        for key, errand in enumerate(jobs):
            parcel = await self._prepared(trip, errand, peer, key)
            if parcel is not None:
                parcels.append(parcel)
        began = self._services.clock()

        def done(parcel: Parcel, answered: TransactionDone) -> None:
            self._answered(trip, candidate, peer, jobs[parcel.key], answered, began)

        unsent = await peer.send(parcels, done, self._most_messages(candidate, peer))
        if peer.fault is not None:
            await self._unreadable(jobs[peer.fault[0]], peer.fault[1])
        return [jobs[parcel.key] for parcel in unsent]

    async def _prepared(self, trip: Trip, errand: Errand, peer: Peer, key: int) -> Parcel | None:
        """The parcel; None: the errand is concluded already."""
        contents = self._services.contents
        try:
            return await contents.prepare(errand.loaded, errand.recipients, peer.extensions, key)
        except Unfit as error:
            self._endings.conclude(trip, [errand], error.reply)
        except BlobCorrupt as error:
            await self._endings.quarantine(errand.letter.id, str(error))
        except MailError as error:
            self._endings.failed(trip, errand.loaded, errand.recipients, str(error))
        except Exception as error:  # noqa: BLE001 - one poisonous message must not stop the rest
            await self._endings.poisonous(trip, errand, error)
        return None

    async def _unreadable(self, errand: Errand, error: Exception) -> None:
        """The body of a large message could not be read to its end."""
        if isinstance(error, BlobCorrupt):
            await self._endings.quarantine(errand.letter.id, str(error))
        else:
            self._endings.fault("", errand.recipients[0].destination, error)

    def _answered(
        self,
        trip: Trip,
        candidate: Candidate,
        peer: Peer,
        errand: Errand,
        answered: TransactionDone,
        began: int,
    ) -> None:
        judge = self._endings.judge()
        conclusions = [
            judge.conclude(errand.letter, recipient, reply, candidate.host)
            for recipient, reply in zip(errand.recipients, answered.outcomes(), strict=True)
        ]
        trouble = _trouble(answered)
        if trouble is not None:
            trip.saw("busy", str(trouble))
        else:
            trip.saw("good", "")
        taken = self._services.clock() - began
        reporter = self._services.reporter
        trip.settle(reporter.delivered(errand.loaded, conclusions, peer, taken))

    def _most_messages(self, candidate: Candidate, peer: Peer) -> int:
        """Over this connection."""
        limits = [self._services.rules.max_messages]
        if peer.extensions.mailmax:
            limits.append(peer.extensions.mailmax)
        provider = provider_of(candidate.host)
        if provider is not None:
            limits.append(provider.messages)
        return min(limits)

    def _most_recipients(self, candidate: Candidate, peer: Peer) -> int:
        limits = [self._services.rules.max_recipients]
        if peer.extensions.rcptmax:
            limits.append(peer.extensions.rcptmax)
        provider = provider_of(candidate.host)
        if provider is not None:
            limits.append(provider.recipients)
        return max(1, min(limits))


def _trouble(answered: TransactionDone) -> ServerReply | None:
    """What the server said of itself, not of a recipient: it has too much to do."""
    sender = answered.sender_reply
    if sender is not None and sender.is_temporary:
        return sender
    return answered.ending if answered.ending.code == 421 else None


def _sum_of(refusals: Sequence[ServerReply]) -> ServerReply:
    """One reply for all hosts of a way: what may get better counts, the last of it.

    A server that turns us away for good may be mistaken, or one of many: later (RFC 5321
    §5.1 would have each host tried). What we concluded ourselves stands.
    """
    temporary = [one for one in refusals if not one.is_permanent]
    if temporary:
        return temporary[-1]
    last = refusals[-1] if refusals else NOT_YET
    return last if last.is_local else msgspec.structs.replace(last, code=451)


def not_found(error: LookupFailed) -> ServerReply:
    """What is told when a name could not be looked up."""
    return local_reply(451, "4.4.3", f"{error.kind} of {error.name}: {error.reason}")
