"""What a reply means for one recipient: delivered, later, returned. Pure.

2yz: the other server has taken responsibility. 4yz, and whatever kept us from asking: later,
until the patience is over, then returned as expired. 5yz: returned. A server that wanted
fewer recipients in one transaction (452 4.5.3, of old 552 5.5.3) gets the rest at once, which
is no failure, as long as it decides some of them each time: one that has "too many" of a
single one would otherwise be asked for ever.

RFC 5321 §4.2.1, §4.5.3.1.10, §4.5.4.1; RFC 3463 §3.5 (X.4.7).
"""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from postroom.delivery import schedule as times
from postroom.delivery.schedule import Schedule
from postroom.message.failures import Failure, classify
from postroom.protocol.smtp.client_replies import ServerReply
from postroom.queue.claimed import Recipient
from postroom.queue.rows import Queued

Kind = Literal["delivered", "later", "back", "returned"]

EXPIRED: Final = "5.4.7"

_TOO_MANY: Final = frozenset({(452, "4.5.3"), (552, "5.5.3")})


class Conclusion(msgspec.Struct, frozen=True):
    """What becomes of one recipient. ``status`` is enhanced.

    ``host``: who said ``reply``, or where we came to it ourselves.
    ``back``: it was not its turn, and is due at ``next_attempt`` like ``later``.
    """

    recipient: Recipient
    kind: Kind
    reply: ServerReply
    host: str = ""
    status: str = ""
    next_attempt: int = 0

    @property
    def failure(self) -> Failure:
        """The class of a reply that is not positive."""
        return classify(self.reply.code, self.reply.status, self.reply.text)

    @property
    def is_no_mailbox(self) -> bool:
        """A server has said for good that nobody gets mail there."""
        reply = self.reply
        is_final = self.kind == "returned" and reply.is_permanent and not reply.is_local
        return is_final and self.failure == "no-mailbox"


class Judge(msgspec.Struct, frozen=True):
    """How replies are read: ``now`` in ms, ``chance`` from 0 up to 1 spreads attempts.

    The recipients of a message share the chance, so that they stay together.
    """

    schedule: Schedule
    now: int
    chance: float

    def conclude(
        self, letter: Queued, recipient: Recipient, reply: ServerReply, host: str = ""
    ) -> Conclusion:
        """What a reply to a recipient alone means."""
        if reply.is_positive:
            return Conclusion(recipient, "delivered", reply, host, _status(reply, "2"))
        if reply.is_permanent and not _is_too_many(reply):
            return Conclusion(recipient, "returned", reply, host, _status(reply, "5"))
        return self._later(letter, recipient, reply, host)

    def conclude_all(
        self,
        letter: Queued,
        recipients: Sequence[Recipient],
        replies: Sequence[ServerReply],
        host: str = "",
    ) -> list[Conclusion]:
        """What the replies to one transaction mean, in the order of its recipients."""
        has_decided = not all(map(_is_too_many, replies))
        return [
            Conclusion(recipient, "back", reply, host, next_attempt=self.now)
            if has_decided and _is_too_many(reply)
            else self.conclude(letter, recipient, reply, host)
            for recipient, reply in zip(recipients, replies, strict=True)
        ]

    def put_back(self, recipient: Recipient, reply: ServerReply, wait: int = 0) -> Conclusion:
        """It was not tried; due again after ``wait`` ms."""
        return Conclusion(recipient, "back", reply, next_attempt=self.now + wait)

    def _later(
        self, letter: Queued, recipient: Recipient, reply: ServerReply, host: str
    ) -> Conclusion:
        again = times.next_attempt(
            self.schedule,
            due=letter.first_attempt,
            attempts=recipient.attempts + 1,
            now=self.now,
            chance=self.chance,
            patient=recipient.patient,
        )
        if again is None:
            return Conclusion(recipient, "returned", reply, host, EXPIRED)
        status = _status(reply, "4")
        return Conclusion(recipient, "later", reply, host, status, next_attempt=again)


def _is_too_many(reply: ServerReply) -> bool:
    """RFC 5321 §4.5.3.1.10, RFC 3463 X.5.3."""
    return (reply.code, reply.status) in _TOO_MANY


def _status(reply: ServerReply, kind: str) -> str:
    """The enhanced status in the class of the conclusion (RFC 3463 §2)."""
    return f"{kind}{reply.status[1:]}" if reply.status else f"{kind}.0.0"
