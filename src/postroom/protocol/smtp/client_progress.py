"""One transaction on its way: what has been answered to it so far.

RFC 5321 §3.3, §4.1.1.4; RFC 2033 §4.2 (LMTP answers the content once for each recipient).
"""

from postroom.protocol.smtp.client_replies import ServerReply
from postroom.protocol.smtp.client_transaction import UNANSWERED, Transaction, TransactionDone


class Progress:
    """Collects replies. ``content`` is the whole message where it was given beforehand."""

    __slots__ = (
        "_is_lmtp",
        "accepted",
        "content",
        "ending",
        "final",
        "is_behind_reset",
        "is_chunked",
        "is_decided",
        "is_sent",
        "recipient_replies",
        "sender_reply",
        "transaction",
    )

    def __init__(self, transaction: Transaction, *, is_lmtp: bool = False) -> None:
        self._is_lmtp = is_lmtp
        self.transaction = transaction
        self.content: bytes | None = None
        self.sender_reply: ServerReply | None = None
        self.recipient_replies: list[ServerReply] = []
        self.accepted = 0  # recipients
        self.final: list[ServerReply] = []
        self.ending = UNANSWERED
        self.is_behind_reset = False  # RSET went before it and is not answered
        self.is_chunked = False  # the content goes with BDAT
        self.is_sent = False  # all of it has left, or none of it will
        self.is_decided = False  # there is nothing to wait for

    @property
    def is_sender_accepted(self) -> bool:
        """MAIL was answered with success."""
        return self.sender_reply is not None and self.sender_reply.is_positive

    @property
    def is_wanted(self) -> bool:
        """The server takes the content for somebody."""
        return self.accepted > 0 and self.is_sender_accepted

    @property
    def is_hopeless(self) -> bool:
        """It is certain that the content will not be wanted."""
        if self.sender_reply is None:
            return False
        are_all_answered = len(self.recipient_replies) == len(self.transaction.recipients)
        return not self.sender_reply.is_positive or (are_all_answered and not self.accepted)

    @property
    def replies_due(self) -> int:
        """How many replies the end of the content has."""
        return self.accepted if self._is_lmtp else 1

    def refuse(self, reply: ServerReply) -> None:
        """Decide it ourselves: nothing of it is sent."""
        self.sender_reply = reply
        self.is_sent = self.is_decided = True

    def add_recipient(self, reply: ServerReply) -> None:
        """The next recipient was answered."""
        self.recipient_replies.append(reply)
        self.accepted += reply.is_positive

    def done(self, *, is_attempted: bool = True) -> TransactionDone:
        """What came of it."""
        return TransactionDone(
            transaction=self.transaction,
            sender_reply=self.sender_reply,
            recipient_replies=tuple(self.recipient_replies),
            final=tuple(self.final),
            ending=self.ending,
            is_lmtp=self._is_lmtp,
            is_attempted=is_attempted,
        )
