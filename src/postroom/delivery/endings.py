"""Conclusions that no server drew: nobody could be asked, it was not their turn, our fault.

A message that can't be prepared because of a fault of ours waits, and is quarantined at the
second time; one whose octets are damaged is quarantined at once. Nothing is thrown away.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from postroom.db.ids import to_text
from postroom.delivery.conclusions import Judge
from postroom.delivery.content import Loaded
from postroom.delivery.errand import Errand
from postroom.delivery.services import Services
from postroom.delivery.trip import Trip
from postroom.protocol.smtp.client_replies import ServerReply, local_reply
from postroom.queue import claims
from postroom.queue.claimed import Recipient
from postroom.telemetry import sink
from postroom.telemetry.event import trace_of
from postroom.telemetry.events import DeliveryFailed, MessageQuarantined

NOT_YET: Final = local_reply(451, "4.4.2", "The connection ended before its turn")
OUR_FAULT: Final = local_reply(451, "4.3.0", "A fault of this server; it will be tried again")
FAULT_WAIT: Final = 5 * 60_000  # ms before a message that we failed over is tried again


class Endings:
    """Shared by couriers."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def judge(self) -> Judge:
        """For the recipients of one message, now."""
        services = self._services
        return Judge(services.rules.schedule, services.clock(), services.chance())

    def conclude(
        self, trip: Trip, left: Iterable[Errand], reply: ServerReply, host: str = ""
    ) -> None:
        """All of these get the same reply, of this host."""
        for errand in left:
            judge = self.judge()
            conclusions = [
                judge.conclude(errand.letter, one, reply, host) for one in errand.recipients
            ]
            trip.settle(self._services.reporter.report(errand.loaded, conclusions))

    def unreachable(
        self, trip: Trip, left: Sequence[Errand], reply: ServerReply, host: str = ""
    ) -> None:
        """No server can be used: the first message counts an attempt, the destination rests.

        The others wait as they were (their batch gives them back), so a dead host with a
        million messages costs no more than one with a few.
        """
        trip.saw("dead", str(reply))
        self.conclude(trip, left[:1], reply, host)

    def back(self, trip: Trip, left: Iterable[Errand]) -> None:
        """They were not begun: due again at once, without an attempt counted."""
        for errand in left:
            self._put_back(trip, errand.loaded, errand.recipients, NOT_YET, 0)

    def failed(
        self, trip: Trip, loaded: Loaded, recipients: Sequence[Recipient], reason: str
    ) -> None:
        """Something of ours does not work at present: in a while."""
        ident = to_text(loaded.claimed.letter.id)
        sink.emit(DeliveryFailed(queue_id=ident, traceback=reason))
        self._put_back(trip, loaded, recipients, OUR_FAULT, FAULT_WAIT)

    async def poisonous(self, trip: Trip, errand: Errand, error: Exception) -> None:
        """A mistake of ours that this message brings out."""
        ident = errand.letter.id
        self.fault(to_text(ident), errand.recipients[0].destination, error)
        self._put_back(trip, errand.loaded, errand.recipients, OUR_FAULT, FAULT_WAIT)
        await self.crashed(trip, ident, error)

    async def crashed(self, trip: Trip, ident: int, error: Exception) -> None:
        """Count a mistake of ours over a message; the second time it is put aside."""
        crashes = await self._services.db.write(lambda tx: claims.crashed(tx, ident))
        if crashes >= claims.CRASHES:
            await trip.settled()
            await self.quarantine(ident, repr(error))

    async def quarantine(self, ident: int, reason: str) -> None:
        """Put a message aside until a postmaster has looked at it."""
        await self._services.db.write(lambda tx: claims.quarantine(tx, [ident]))
        sink.emit(MessageQuarantined(queue_id=to_text(ident), reason=reason))

    def fault(self, queue_id: str, destination: str, error: BaseException) -> None:
        """Tell the operator."""
        sink.emit(
            DeliveryFailed(
                queue_id=queue_id,
                destination=destination,
                traceback=trace_of(error),
            )
        )

    def _put_back(
        self,
        trip: Trip,
        loaded: Loaded,
        recipients: Sequence[Recipient],
        reply: ServerReply,
        wait: int,
    ) -> None:
        judge = self.judge()
        conclusions = [judge.put_back(one, reply, wait) for one in recipients]
        trip.settle(self._services.reporter.report(loaded, conclusions))
