"""A message that somebody sends over HTTP: through the same intake as one of a mail program.

So it is held to the same rules (whose name, how many, how large), signed, and on stable storage
before it is answered. All recipients are taken, or none.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Final, Literal

import msgspec

from postroom.address import Address
from postroom.directory.login import Identity
from postroom.intake.conversation import Conversation
from postroom.intake.intake import Intake
from postroom.intake.peer import Peer
from postroom.protocol.smtp.commands import Mail, Rcpt
from postroom.protocol.smtp.replies import Reply
from postroom.queue.submissions import Wish

_PIECE: Final = 64 * 1024

Stage = Literal["sender", "recipient", "message"]


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


class Commands(msgspec.Struct, frozen=True):
    """The envelope as SMTP names it, with what is asked for by extensions."""

    mail: Mail
    recipients: Sequence[Rcpt]


class NotTaken(Exception):
    """The mail system refuses it; ``what`` it was about, ``recipient``: if that was one.

    ``refused`` are all recipients that it never takes.
    """

    def __init__(
        self,
        what: str,
        reply: Reply,
        recipient: Address | None = None,
        *,
        stage: Stage = "message",
        refused: Sequence[Address] = (),
    ) -> None:
        self.reply = reply
        self.recipient = recipient
        self.stage = stage
        self.refused = refused
        super().__init__(f"{what}: {reply.code} {reply.status} {' '.join(reply.lines)}")


async def submit(
    intake: Intake,
    peer: Peer,
    identity: Identity,
    envelope: Envelope,
    pieces: AsyncIterator[bytes],
) -> str:
    """Send it; its queue id. Raises NotTaken, OutcomeUnknown."""
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
    commands = Commands(mail, [Rcpt(one) for one in envelope.recipients])
    return await hand_in(intake, peer, identity, commands, pieces)


async def hand_in(
    intake: Intake,
    peer: Peer,
    identity: Identity,
    commands: Commands,
    pieces: AsyncIterator[bytes],
    wish: Wish | None = None,
) -> str:
    """The same with the commands of SMTP; with a ``wish`` it can be asked for later."""
    conversation = intake.open(peer)
    try:
        await conversation.greet(peer.door, esmtp=True)
        await conversation.authenticated(identity)
        return await _sent(conversation, commands, pieces, wish)
    finally:
        await conversation.close()


async def cut(octets: bytes) -> AsyncIterator[bytes]:
    """A message that is in memory, in pieces."""
    for at in range(0, len(octets), _PIECE):
        yield octets[at : at + _PIECE]


async def _sent(
    conversation: Conversation,
    commands: Commands,
    pieces: AsyncIterator[bytes],
    wish: Wish | None,
) -> str:
    reply = await conversation.mail(commands.mail)
    if not reply.is_positive:
        raise NotTaken(str(commands.mail.sender or "<>"), reply, stage="sender")
    await _address(conversation, commands.recipients)
    if wish is not None:
        conversation.keep(wish)
    reply = await conversation.data()
    if reply.is_positive:
        async for piece in pieces:
            await conversation.content(piece)
        (reply, *_) = await conversation.end(None)
    if not reply.is_positive:
        raise NotTaken("the message", reply)
    return reply.lines[0].rpartition(" ")[2]


async def _address(conversation: Conversation, recipients: Sequence[Rcpt]) -> None:
    """Name all recipients. Raises NotTaken with each that is refused for good."""
    refused: dict[Address, Reply] = {}
    for one in recipients:
        reply = await conversation.rcpt(one)
        if reply.is_positive or one.recipient is None:
            continue
        if not reply.is_permanent:
            raise NotTaken(str(one.recipient), reply, one.recipient, stage="recipient")
        refused[one.recipient] = reply
    for address, reply in refused.items():
        raise NotTaken(str(address), reply, address, stage="recipient", refused=tuple(refused))
