"""A message that a program sends: what the mail system says of it, in the words of the API."""

from collections.abc import AsyncIterator

from postroom.admin import suppression
from postroom.directory.login import Identity
from postroom.errors import OutcomeUnknown
from postroom.web import submitting
from postroom.web.api.call import Call
from postroom.web.api.problem import Problem
from postroom.web.submitting import Envelope, NotTaken


async def send(
    call: Call, identity: Identity, envelope: Envelope, pieces: AsyncIterator[bytes]
) -> str:
    """Send it; its queue id. Raises Problem with what the mail system says."""
    try:
        return await submitting.submit(call.services.intake, call.peer, identity, envelope, pieces)
    except NotTaken as error:
        listed = await suppression.among(
            call.office, identity.account_id, [error.recipient] if error.recipient else []
        )
        if error.reply.is_permanent and listed:
            raise await _suppressed(call, identity, envelope, error) from None
        if error.reply.is_permanent:
            raise Problem(422, "refused", "The mail system refuses it", str(error)) from None
        raise Problem(503, "later", "Not at this moment", str(error), Retry_After="30") from None
    except OutcomeUnknown:
        raise Problem(
            500,
            "unknown",
            "It may have been sent",
            "the disk failed while the message was written; look with: postroom trace",
        ) from None


async def _suppressed(
    call: Call, identity: Identity, envelope: Envelope, error: NotTaken
) -> Problem:
    """With all recipients that are on the list, so that a program can leave them out at once."""
    listed = await suppression.among(call.office, identity.account_id, envelope.recipients)
    title = "A recipient is on the suppression list"
    return Problem(422, "suppressed", title, str(error), path="$.to", faults=tuple(listed))
