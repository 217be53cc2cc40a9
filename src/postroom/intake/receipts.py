"""Notices that a message was filed here, for senders who asked for them.

A recipient who stands for people here and for addresses elsewhere is told of as expanded: those
elsewhere have nothing of it yet, and nobody is told of them again when they have.

They go out after the commit, so nothing that happens to them can touch the message. Nobody
gets one about a notice (a null sender), and one address gets so many an hour: MAIL FROM is
what anybody likes to write there.

RFC 3461 §4.1 (NOTIFY=SUCCESS), §5.2.2, §5.2.7 (aliases); RFC 3464 (form).
"""

from typing import Final

from postroom.address import Address
from postroom.db.ids import to_text
from postroom.errors import MailError
from postroom.intake.plan import Envelope
from postroom.intake.relay import Accepted
from postroom.intake.services import Services
from postroom.message import xtext
from postroom.message.dsn import Kind, Report, ReportedRecipient, compose
from postroom.post import journal, notice
from postroom.telemetry import sink
from postroom.telemetry.event import trace_of
from postroom.telemetry.events import NoticeSuppressed
from postroom.telemetry.session_events import SessionFailed

_KINDS: Final[tuple[Kind, ...]] = ("delivered", "expanded")


async def send(services: Services, envelope: Envelope, head: bytes, ident: int, now: int) -> None:
    """Tell the sender of the recipients that were filed and asked for it. Never raises.

    ``head`` is the message's header block, ``ident`` its queue id, ``now`` its time.
    """
    asked = [one for one in envelope.accepted if _wants(one) and envelope.is_taken(one)]
    if not asked or not envelope.sender or envelope.due(now) > now:
        return
    if not services.budget.allows(envelope.sender):
        _suppressed(ident, envelope.sender, "there were too many notices to it in this hour")
        return
    try:
        for kind in _KINDS:
            of_kind = [one for one in asked if _kind(envelope, one) == kind]
            if of_kind:
                await _send(services, envelope, kind, of_kind, head, now)
    except MailError as error:
        _suppressed(ident, envelope.sender, error.detail or str(error))
    except Exception as error:  # noqa: BLE001 - the message is ours; its answer stays 250
        sink.emit(SessionFailed(traceback=trace_of(error)))


async def _send(
    services: Services,
    envelope: Envelope,
    kind: Kind,
    asked: list[Accepted],
    head: bytes,
    now: int,
) -> None:
    mail = envelope.mail
    octets = compose(
        Report(
            kind=kind,
            reporting_mta=services.hostname,
            postmaster=notice.postmaster_of(asked[0].address, services.hostname),
            to=envelope.sender,
            recipients=[_reported(one, kind) for one in asked],
            head=head,
            message_id=f"{to_text(services.ids.next())}@{services.hostname}",
            date=now,
            arrival_date=now,
            envelope_id=None if mail.envid is None else xtext.decode(mail.envid),
        )
    )
    letter = await journal.addressed(
        services,
        services.directory,
        Address.parse(envelope.sender),
        octets,
        requiretls=mail.requiretls,
        speaker=asked[0].address,
    )
    if letter is not None:
        await services.post.commit(letter)


def _wants(one: Accepted) -> bool:
    return one.notify is not None and "SUCCESS" in one.notify.split(",")


def _kind(envelope: Envelope, one: Accepted) -> Kind:
    is_split = one.remote or any(local.account_id in envelope.full for local in one.local)
    return "expanded" if is_split else "delivered"


def _reported(one: Accepted, kind: Kind) -> ReportedRecipient:
    original = None if one.orcpt is None else str(xtext.original_recipient(one.orcpt))
    return ReportedRecipient(final=one.address, action=kind, status="2.1.5", original=original)


def _suppressed(ident: int, recipient: str, reason: str) -> None:
    sink.emit(NoticeSuppressed(queue_id=to_text(ident), recipient=recipient, reason=reason))
