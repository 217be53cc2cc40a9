"""Quick resynchronisation: VANISHED (EARLIER), then the messages that have changed.

RFC 7162 §3.2.5 (SELECT with QRESYNC), §3.2.6 (UID FETCH with VANISHED), §3.2.10.1.
"""

from typing import Final

from postroom.access.loading import rows
from postroom.access.numbering import Ranges
from postroom.access.resync import expunged, uids_of
from postroom.listen.imap.conversation import Conversation
from postroom.protocol.imap.commands import Resync
from postroom.protocol.imap.fetch import Attribute
from postroom.protocol.imap.fetch_lines import Lines
from postroom.protocol.imap.responses import earlier_line

_TOLD: Final = (Attribute.UID, Attribute.FLAGS, Attribute.MODSEQ)


async def resync(talk: Conversation, known: Resync) -> None:
    """Tell what has become of what the client knew of the selected mailbox.

    What it knows of another UIDVALIDITY says nothing about this mailbox.
    """
    view = talk.selected
    if known.uidvalidity != view.uidvalidity:
        return
    agreed = view.numbering.agreed_uid(known.numbers, known.uids)
    await tell_expunged(talk, known.known, known.modseq, agreed)
    uidonly = talk.session.modes.uidonly
    lines = Lines(_TOLD[1:] if uidonly else _TOLD, uidonly=uidonly)
    uids = uids_of(view, known.known)
    async for page in rows(view, uids, need=frozenset(), changed_since=known.modseq):
        talk.tell_keywords([row.keywords for row in page])
        talk.session.untagged(lines.page(page))
        await talk.flush()


async def tell_expunged(
    talk: Conversation, ranges: Ranges | None, since: int, above: int = 0
) -> None:
    """VANISHED (EARLIER) for the UIDs of a set that were expunged after a MODSEQ."""
    view = talk.selected
    async for page in expunged(view, uids_of(view, ranges), since, above):
        talk.session.untagged(earlier_line(page))
        await talk.flush()
