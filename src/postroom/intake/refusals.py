"""What a session refuses: the event for the operator, and the reply with or without reasons.

Every refusal of a sender, a recipient or a message is told once, here. A fault of ours is
told with its traceback; the peer learns no more than that it may try again.
"""

from typing import Final

from postroom.address import Address
from postroom.errors import MailError
from postroom.intake.arrival import Arrival
from postroom.intake.peer import Peer
from postroom.intake.plan import Envelope
from postroom.message.ident import message_id
from postroom.protocol.smtp import replies
from postroom.protocol.smtp.replies import Reply, reply_to
from postroom.telemetry import sink
from postroom.telemetry.event import session_of, trace_of
from postroom.telemetry.session_events import (
    MessageRefused,
    RecipientRefused,
    SenderRefused,
    SessionFailed,
)

TOLD: Final = 20  # recipients named in an event


class Refusals:
    """Those of one session. ``is_verbose``: replies give their reasons (VERB)."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self.is_verbose = False

    def sender(self, sender: Address | None, refusal: Reply, reason: str = "") -> Reply:
        """No to MAIL."""
        reason = reason or refusal.lines[0]
        sink.emit(
            SenderRefused(
                **session_of(self._peer),
                status=refusal.status,
                sender="" if sender is None else str(sender),
                reason=reason,
            )
        )
        return self._with(refusal, reason)

    def recipient(
        self, sender: str, recipient: Address | None, refusal: Reply, reason: str
    ) -> Reply:
        """No to RCPT; None is ``<Postmaster>``."""
        sink.emit(
            RecipientRefused(
                **session_of(self._peer),
                status=refusal.status,
                sender=sender,
                recipient=str(recipient or "postmaster"),
                reason=reason,
            )
        )
        return self._with(refusal, reason)

    def message(
        self, envelope: Envelope, arrival: Arrival, refusal: Reply, reason: str = ""
    ) -> Reply:
        """No to the message, at its end. A refusal that has reasons keeps them for VERB."""
        sink.emit(
            MessageRefused(
                **session_of(self._peer),
                status=refusal.status,
                sender=envelope.sender,
                recipients=tuple([one.address for one in envelope.accepted[:TOLD]]),
                message_id=message_id(arrival.part.fields or {}),
                reason=reason or refusal.lines[0],
            )
        )
        return self._with(refusal, reason) if reason and not refusal.reasons else refusal

    def failed(self, error: Exception) -> Reply:
        """Something broke; what is no MailError is a mistake of ours."""
        if isinstance(error, MailError):
            return reply_to(error)
        sink.emit(SessionFailed(**session_of(self._peer), traceback=trace_of(error)))
        return replies.LOCAL_ERROR

    def _with(self, refusal: Reply, reason: str) -> Reply:
        return refusal.because((reason,)) if self.is_verbose else refusal
