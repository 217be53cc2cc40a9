"""Journal copies of what comes and of what people here send (``post.journal``).

A report that comes back to us, signed by this install, is not journaled again.
"""

from postroom.intake.plan import Envelope
from postroom.intake.services import Services
from postroom.message import journal as reports, submission
from postroom.post import journal
from postroom.post.journal import Seen
from postroom.post.letter import Letter


async def added(
    services: Services, envelope: Envelope, letter: Letter, head: bytes, *, is_ascii: bool
) -> Letter:
    """The letter with its journal copies; ``head`` is its header block as it is stored.

    Raises MailError, and leaves nothing then but the blob of the message itself.
    """
    directory = services.directory
    if not await directory.has_journals():
        return letter
    authors: list[str] = []
    if envelope.is_ours:
        authors = [*([envelope.sender] if envelope.sender else []), *submission.authors(head).from_]
    elif not envelope.sender and reports.is_own(head, directory.secrets.srs):
        return letter
    recipients = [one.address for one in envelope.accepted]
    onward = [
        *[(one.address, to) for one in envelope.accepted if one.leads_on for to in one.remote],
        *[(through, one.address) for through, one in envelope.resent],
    ]
    seen = Seen(envelope.sender, authors, recipients, head, is_ascii, onward)
    try:
        return await journal.added(services, directory, letter, seen)
    except BaseException:
        await services.post.discard(*letter.blobs[1:])
        raise
