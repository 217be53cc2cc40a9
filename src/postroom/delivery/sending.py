"""Messages that go the same way: its hosts in order, over connections that are kept.

A host that can't be used makes room for the next one; what a server has begun is concluded
by its answers, what it did not begin goes on. Messages are made ready a few at a time, so
that large ones are not in memory all at once. RFC 5321 §5.1.
"""

from collections.abc import Sequence
from typing import Final

from postroom.blobs.store import BlobCorrupt
from postroom.db.ids import to_text
from postroom.delivery.connector import Candidate, Unusable
from postroom.delivery.content import Unfit
from postroom.delivery.endings import NOT_YET, Endings
from postroom.delivery.errand import Errand, errands
from postroom.delivery.exchangers import Nowhere
from postroom.delivery.parcel import Parcel
from postroom.delivery.peer import Peer
from postroom.delivery.providers import provider_of
from postroom.delivery.services import Services
from postroom.delivery.tls_policy import Need
from postroom.delivery.trip import Trip
from postroom.delivery.works import all_of
from postroom.errors import MailError
from postroom.net.dns_records import LookupFailed
from postroom.protocol.smtp.client_replies import ServerReply, local_reply
from postroom.protocol.smtp.client_transaction import TransactionDone

NEEDS: Final[dict[Need, str]] = {"policy": "", "none": "?", "proof": "!"}  # and marks of keys
AHEAD: Final = 20  # messages made ready at a time
AHEAD_OCTETS: Final = 4 * 1024 * 1024  # and no more after so much


class Sending:
    """Shared by couriers."""

    def __init__(self, services: Services, endings: Endings) -> None:
        self._services = services
        self._endings = endings

    async def deliver(
        self, trip: Trip, candidates: Sequence[Candidate], left: list[Errand]
    ) -> None:
        """Until each errand is concluded or put back."""
        for need in NEEDS:
            some = [one for one in left if one.need == need]
            if some:
                await self._try_all(trip, candidates, some, need)

    async def _try_all(
        self, trip: Trip, candidates: Sequence[Candidate], left: list[Errand], need: Need
    ) -> None:
        refusals: list[tuple[str, ServerReply]] = []
        for candidate in candidates:
            left, refusal = await self._try_host(trip, candidate, left, need)
            if not left:
                return
            if trip.verdict == "busy":
                self._endings.back(trip, left)
                return
            refusals.append((candidate.host, refusal))
        host, reply = _sum_of(refusals)
        if reply.is_permanent:
            self._endings.conclude(trip, left, reply, host)
        else:
            self._endings.unreachable(trip, left, reply, host)

    async def _try_host(
        self, trip: Trip, candidate: Candidate, left: list[Errand], need: Need
    ) -> tuple[list[Errand], ServerReply]:
        """What is left after this host, and why it took no more."""
        services = self._services
        key = f"{await services.connector.key(candidate)}{NEEDS[need]}"
        has_served = False
        async with services.slots.slot(candidate.host):
            while True:
                found = services.pool.take(key)
                is_rested = found is not None
                peer = found or await self._opened(candidate, need)
                if isinstance(peer, ServerReply):
                    if has_served:  # it took some, and will take more in a moment
                        trip.saw("busy", str(peer))
                    return left, peer
                before = peer.served
                try:
                    left = await self._hand_over(trip, candidate, peer, left, is_rested=is_rested)
                finally:
                    most = self._most_messages(candidate, peer)
                    services.pool.put(key, peer, most, _group(candidate))
                has_served = has_served or peer.served > before
                has_stalled = peer.served == before and not is_rested
                if not left or trip.verdict == "busy" or has_stalled:
                    return left, peer.ending or NOT_YET

    async def _opened(self, candidate: Candidate, need: Need) -> Peer | ServerReply:
        """A new connection, or why there is none. Its provider has a slot for it."""
        services = self._services
        provider = provider_of(candidate.host)
        if provider is not None:
            await services.pool.make_room(provider.name, services.slots.spare(provider))
        try:
            return await services.connector.open(candidate, need)
        except (Unusable, Nowhere) as error:
            return error.reply
        except LookupFailed as error:
            return not_found(error)

    async def _hand_over(
        self,
        trip: Trip,
        candidate: Candidate,
        peer: Peer,
        left: list[Errand],
        *,
        is_rested: bool,
    ) -> list[Errand]:
        """Send what this peer takes; what it did not begin."""
        recipients = self._most_recipients(candidate, peer)
        jobs = list(errands(left, recipients, peer.extensions.rcptdomainmax))
        most = self._most_messages(candidate, peer)
        at = 0
        while at < len(jobs) and peer.begun < most and not peer.is_lost:
            some = _ahead(jobs, at)
            ready = await all_of(self._prepared(trip, jobs[place], peer, place) for place in some)
            parcels = [one for one in ready if one is not None]
            at = some.stop
            unsent = await self._send(trip, candidate, peer, jobs, parcels, is_rested=is_rested)
            is_rested = False
            if unsent or trip.verdict == "busy":
                return [*[jobs[parcel.key] for parcel in unsent], *jobs[at:]]
        return jobs[at:]

    async def _send(
        self,
        trip: Trip,
        candidate: Candidate,
        peer: Peer,
        jobs: Sequence[Errand],
        parcels: Sequence[Parcel],
        *,
        is_rested: bool,
    ) -> list[Parcel]:
        """What was not begun of these parcels; their keys are places in ``jobs``."""
        began = self._services.clock()

        def done(parcel: Parcel, answered: TransactionDone) -> None:
            self._answered(trip, candidate, peer, jobs[parcel.key], answered, began)

        most = self._most_messages(candidate, peer)
        unsent = await peer.send(parcels, done, most, is_rested=is_rested)
        if peer.fault is not None:
            (place, error), peer.fault = peer.fault, None
            await self._unreadable(trip, jobs[place], error)
        return unsent

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

    async def _unreadable(self, trip: Trip, errand: Errand, error: Exception) -> None:
        """The body of a large message could not be read to its end; that is concluded."""
        ident = errand.letter.id
        if isinstance(error, BlobCorrupt):
            await trip.settled()
            await self._endings.quarantine(ident, str(error))
        else:
            self._endings.fault(to_text(ident), errand.recipients[0].destination, error)
            if not isinstance(error, MailError):
                await self._endings.crashed(trip, ident, error)

    def _answered(
        self,
        trip: Trip,
        candidate: Candidate,
        peer: Peer,
        errand: Errand,
        answered: TransactionDone,
        began: int,
    ) -> None:
        conclusions = self._endings.judge().conclude_all(
            errand.letter, errand.recipients, answered.outcomes(), candidate.host
        )
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


def _group(candidate: Candidate) -> str:
    """Whose connections are counted together, "" for none."""
    provider = provider_of(candidate.host)
    return provider.name if provider is not None else ""


def _ahead(jobs: Sequence[Errand], at: int) -> range:
    """The places of those that are made ready together, from ``at`` on; at least one."""
    octets, end = 0, at
    while end < len(jobs) and end - at < AHEAD and (octets < AHEAD_OCTETS or end == at):
        octets += jobs[end].letter.size
        end += 1
    return range(at, end)


def _trouble(answered: TransactionDone) -> ServerReply | None:
    """What was learnt of the server, not of a recipient: it has too much to do, or breaks."""
    sender, ending = answered.sender_reply, answered.ending
    if sender is not None and sender.is_temporary:
        return sender
    if ending.code == 421:
        return ending
    is_lost = ending.is_local and ending.is_temporary and not answered.final
    return ending if is_lost and any(one is ending for one in answered.outcomes()) else None


def _sum_of(refusals: Sequence[tuple[str, ServerReply]]) -> tuple[str, ServerReply]:
    """One host and its reply for all hosts of a way: what may get better counts, the last of it.

    A server that turns us away for good may be mistaken, or one of many: later (RFC 5321
    §5.1 would have each host tried). What we concluded ourselves stands; it has no host when
    its words name it.
    """
    temporary = [one for one in refusals if not one[1].is_permanent]
    host, last = (temporary or refusals or [("", NOT_YET)])[-1]
    if last.is_permanent and not last.is_local:
        status = f"4{last.status[1:]}" if last.status else ""
        last = local_reply(451, status, f"{host} turns us away: {last}")
    return "" if last.is_local and host in last.text else host, last


def not_found(error: LookupFailed) -> ServerReply:
    """What is told when a name could not be looked up."""
    return local_reply(451, "4.4.3", f"{error.kind} of {error.name}: {error.reason}")
