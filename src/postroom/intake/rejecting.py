"""A message that everybody refuses: kept for those who may want to look at it.

The answer is 5yz whatever becomes of the copy, so the sender is told and we owe nothing; but
who waits for a message that was refused by mistake finds it, and can have it released. A flood
must not fill the disk, so large ones are not kept, nor more than some an hour of one account.
"""

from collections.abc import Sequence
from typing import Final

from postroom.errors import MailError, OutcomeUnknown
from postroom.intake import plan
from postroom.intake.arrival import Arrival
from postroom.intake.plan import Content, Envelope
from postroom.intake.services import Services
from postroom.intake.stamp import Session
from postroom.message.index import brief
from postroom.post.letter import Letter
from postroom.telemetry import sink
from postroom.telemetry.event import trace_of
from postroom.telemetry.session_events import SessionFailed

MOST_OCTETS: Final = 1024 * 1024
"""Of a message that is kept."""


async def keep(
    services: Services,
    session: Session,
    envelope: Envelope,
    arrival: Arrival,
    author: str,
    fields: Sequence[bytes] = (),
) -> None:
    """Put the message into the Rejects of the accounts that refuse it.

    ``author`` is as in Content, ``fields`` go on top of the message.

    Raises OutcomeUnknown and nothing else: what could not be kept is not there.
    """
    local = [one for one in envelope.local() if services.kept.allows(str(one.account_id))]
    if not local or arrival.stored_size > MOST_OCTETS:
        return
    try:
        ident, now = services.ids.next(), services.clock()
        head = arrival.cleaned(arrival.head, services.hostname)
        stamped = plan.stamped(session, envelope, head, ident, now)
        blob = await arrival.prepared(b"".join((*fields, stamped)))
        content = Content(blob, brief(arrival.head), arrival.is_ascii, author=author)
        kept = plan.rejects(envelope, local, content, services.ids, now)
        await services.post.commit(Letter(blob=blob, rejects=kept))
    except OutcomeUnknown:
        raise
    except MailError:
        return  # the disk is full or failed, which is told where it happened
    except Exception as error:  # noqa: BLE001 - the refusal stands all the same
        sink.emit(SessionFailed(traceback=trace_of(error)))
