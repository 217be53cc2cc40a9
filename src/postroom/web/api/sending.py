"""A message that a program sends: through the same intake as one of a mail program.

So it is held to the same rules (whose name, how many, how large), signed, and on stable storage
before it is answered. All recipients are taken, or none.
"""

from collections.abc import AsyncIterator, Sequence

import msgspec

from postroom.address import Address
from postroom.directory.login import Identity
from postroom.errors import OutcomeUnknown
from postroom.intake.conversation import Conversation
from postroom.protocol.smtp.commands import Mail, Rcpt
from postroom.protocol.smtp.replies import Reply
from postroom.web.api.call import Call
from postroom.web.api.problem import Problem


class Envelope(msgspec.Struct, frozen=True):
    """From whom, to whom; ``size`` in octets when it is known."""

    sender: Address
    recipients: Sequence[Address]
    size: int | None = None


async def send(
    call: Call, identity: Identity, envelope: Envelope, pieces: AsyncIterator[bytes]
) -> str:
    """Send it; its queue id. Raises Problem with what the mail system says."""
    conversation = call.services.intake.open(call.peer)
    try:
        await conversation.greet("api", esmtp=True)
        await conversation.authenticated(identity)
        return await _sent(conversation, envelope, pieces)
    except OutcomeUnknown:
        raise Problem(
            500,
            "unknown",
            "It may have been sent",
            "the disk failed while the message was written; look with: postroom trace",
        ) from None
    finally:
        await conversation.close()


async def _sent(
    conversation: Conversation, envelope: Envelope, pieces: AsyncIterator[bytes]
) -> str:
    is_international = not all(
        str(one).isascii() for one in (envelope.sender, *envelope.recipients)
    )
    mail = Mail(envelope.sender, envelope.size, "8BITMIME", smtputf8=is_international)
    _check(await conversation.mail(mail), str(envelope.sender))
    for recipient in envelope.recipients:
        _check(await conversation.rcpt(Rcpt(recipient)), str(recipient))
    reply = await conversation.data()
    if reply.is_positive:
        async for piece in pieces:
            await conversation.content(piece)
        (reply, *_) = await conversation.end(None)
    _check(reply, "the message")
    return reply.lines[0].rpartition(" ")[2]


def _check(reply: Reply, what: str) -> None:
    """Raises Problem unless the reply is positive."""
    if reply.is_positive:
        return
    detail = f"{what}: {reply.code} {reply.status} {' '.join(reply.lines)}"
    if reply.is_permanent:
        raise Problem(422, "refused", "The mail system refuses it", detail)
    raise Problem(503, "later", "Not at this moment", detail, Retry_After="30")
