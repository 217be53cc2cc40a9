"""A message that somebody sends over HTTP: through the same intake as one of a mail program.

So it is held to the same rules (whose name, how many, how large), signed, and on stable storage
before it is answered. All recipients are taken, or none.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Final

import msgspec

from postroom.address import Address
from postroom.directory.login import Identity
from postroom.intake.conversation import Conversation
from postroom.intake.intake import Intake
from postroom.intake.peer import Peer
from postroom.protocol.smtp.commands import Mail, Rcpt
from postroom.protocol.smtp.replies import Reply

_PIECE: Final = 64 * 1024


class Envelope(msgspec.Struct, frozen=True):
    """From whom, to whom; ``size`` in octets when it is known.

    ``hold_until``: it is sent then (UTC milliseconds, RFC 4865), else at once. ``requiretls``: only
    over proven TLS (RFC 8689).
    """

    sender: Address
    recipients: Sequence[Address]
    size: int | None = None
    hold_until: int | None = None
    requiretls: bool = False


class NotTaken(Exception):
    """The mail system refuses it; ``what`` it was about, ``recipient``: if that was one."""

    def __init__(self, what: str, reply: Reply, recipient: Address | None = None) -> None:
        self.reply = reply
        self.recipient = recipient
        super().__init__(f"{what}: {reply.code} {reply.status} {' '.join(reply.lines)}")


async def submit(
    intake: Intake,
    peer: Peer,
    identity: Identity,
    envelope: Envelope,
    pieces: AsyncIterator[bytes],
) -> str:
    """Send it; its queue id. Raises NotTaken, OutcomeUnknown."""
    conversation = intake.open(peer)
    try:
        await conversation.greet(peer.door, esmtp=True)
        await conversation.authenticated(identity)
        return await _sent(conversation, envelope, pieces)
    finally:
        await conversation.close()


async def cut(octets: bytes) -> AsyncIterator[bytes]:
    """A message that is in memory, in pieces."""
    for at in range(0, len(octets), _PIECE):
        yield octets[at : at + _PIECE]


async def _sent(
    conversation: Conversation, envelope: Envelope, pieces: AsyncIterator[bytes]
) -> str:
    is_international = not all(
        str(one).isascii() for one in (envelope.sender, *envelope.recipients)
    )
    mail = Mail(
        envelope.sender,
        envelope.size,
        "8BITMIME",
        smtputf8=is_international,
        hold_until=envelope.hold_until,
        requiretls=envelope.requiretls,
    )
    _check(await conversation.mail(mail), str(envelope.sender))
    for recipient in envelope.recipients:
        _check(await conversation.rcpt(Rcpt(recipient)), str(recipient), recipient)
    reply = await conversation.data()
    if reply.is_positive:
        async for piece in pieces:
            await conversation.content(piece)
        (reply, *_) = await conversation.end(None)
    _check(reply, "the message")
    return reply.lines[0].rpartition(" ")[2]


def _check(reply: Reply, what: str, recipient: Address | None = None) -> None:
    """Raises NotTaken unless the reply is positive."""
    if not reply.is_positive:
        raise NotTaken(what, reply, recipient)
