"""Header blocks that scripts have changed (RFC 5293): what is stored of a message then.

Fields that were added on top stand in front of the blob that everybody shares. Any other
change needs a blob of its own, for this account; of a large message the body is read back
from the one that was just written.
"""

import msgspec

from postroom.blobs.reader import pending
from postroom.blobs.store import Prepared
from postroom.intake import plan, submission
from postroom.intake.arrival import Arrival
from postroom.intake.plan import Content, Edit, Envelope
from postroom.intake.services import Services
from postroom.intake.stamp import Session
from postroom.message.headers import collect
from postroom.message.index import Indexed, index
from postroom.message.part import MESSAGE_FIELDS


async def edited(
    services: Services,
    session: Session,
    envelope: Envelope,
    arrival: Arrival,
    content: Content,
    ident: int,
    now: int,
) -> Content:
    """The content, with what scripts have made of it.

    Raises MailError, and leaves nothing then but the blob that was there.
    """
    if not envelope.decisions:
        return content

    def whole(head: bytes) -> bytes:
        """With what a message of somebody here has to have (``intake.submission``)."""
        if envelope.account_id is None:
            return head
        return submission.fixed(head, ident=ident, now=now, hostname=services.hostname)

    found: dict[Edit, Content] = {}
    try:
        for account_id, decided in envelope.decisions.items():
            for filing in decided.filings:
                edit = account_id, filing.added, filing.head
                if edit in found or (filing.head is None and not filing.added):
                    continue
                if filing.head is None:
                    indexed = _indexed(arrival, filing.added + whole(arrival.head))
                    found[edit] = msgspec.structs.replace(content, indexed=indexed)
                    continue
                head = plan.stamped(session, envelope, b"", ident, now) + whole(filing.head)
                blob = await copied(services, content.blob, head)
                found[edit] = Content(blob, _indexed(arrival, head), content.is_ascii)
    except BaseException:
        await services.post.discard(*msgspec.structs.replace(content, edited=found).more)
        raise
    return msgspec.structs.replace(content, edited=found) if found else content


def _indexed(arrival: Arrival, head: bytes) -> Indexed:
    part = msgspec.structs.replace(arrival.part, fields=collect(head, MESSAGE_FIELDS))
    return index(head, part)


async def copied(services: Services, blob: Prepared, head: bytes) -> Prepared:
    """A blob with this header block, and the body of a blob that has no row yet."""
    writer = services.blobs.writer()
    try:
        async for block in pending(services.blobs.files, blob):
            await writer.write(block)
        return await writer.finish(head)
    except BaseException:
        await writer.abort()
        raise
