"""What a client sends and what came of it: Transaction in, TransactionDone out.

Addresses are octets in their canonical form without angle brackets; UTF-8 in a local part
needs SMTPUTF8. RFC 5321 §3.3 (transaction), RFC 3461 (NOTIFY, ORCPT, RET, ENVID).
"""

from typing import Final

import msgspec

from postroom.protocol.smtp.client_replies import ServerReply, local_reply
from postroom.protocol.smtp.commands import Ret

UNANSWERED: Final = local_reply(451, "4.4.2", "The server has not answered")


class Recipient(msgspec.Struct, frozen=True):
    """One forward-path.

    ``notify`` is "NEVER" or a list of SUCCESS, FAILURE and DELAY; ``orcpt`` is the address
    type, ";" and xtext as it came (RFC 3461 §4.1, §4.2). Both go only to servers with DSN.
    """

    address: bytes
    notify: str | None = None
    orcpt: str | None = None


class Transaction(msgspec.Struct, frozen=True, kw_only=True):
    """One message for one server; ``sender`` b"" is the null reverse-path.

    ``size`` is in octets before dot-stuffing, 0 when unknown. ``is_eightbit`` asks for
    BODY=8BITMIME, which is left out where it is not offered: look at
    ``extensions.eightbitmime`` first. ``needs_smtputf8`` and ``requiretls`` refuse a server
    that lacks the extension. ``disclaims_auth`` sends AUTH=<> (RFC 4954 §5).
    """

    sender: bytes
    recipients: tuple[Recipient, ...]
    size: int = 0
    is_eightbit: bool = False
    needs_smtputf8: bool = False
    requiretls: bool = False
    ret: Ret | None = None
    envid: str | None = None
    disclaims_auth: bool = False


class TransactionDone(msgspec.Struct, frozen=True, kw_only=True):
    """All that was answered to one transaction; ``outcomes`` draws the conclusion.

    ``recipient_replies`` are those that came. ``final`` are the replies to the content: one,
    over LMTP one for each accepted recipient, none when no content went. ``ending`` decides
    everybody whom no reply of its own has decided: the refusal of DATA, 421, our own reply
    when the connection is lost. ``is_attempted`` False: it stood behind something that broke
    the connection, and nothing of it can have been taken; send it over another one.
    """

    transaction: Transaction
    sender_reply: ServerReply | None = None
    recipient_replies: tuple[ServerReply, ...] = ()
    final: tuple[ServerReply, ...] = ()
    ending: ServerReply = UNANSWERED
    is_lmtp: bool = False
    is_attempted: bool = True

    def outcomes(self) -> tuple[ServerReply, ...]:
        """The reply that decides each recipient, in the order of the transaction."""
        count = len(self.transaction.recipients)
        sender = self.sender_reply
        if sender is not None and not sender.is_positive:
            return (sender,) * count
        common = self.final[0] if self.final and not self.is_lmtp else self.ending
        own = iter(self.final if self.is_lmtp else ())
        decided = [
            next(own, common) if reply.is_positive else reply for reply in self.recipient_replies
        ]
        decided += [self.ending] * (count - len(decided))
        return tuple(decided)
