"""SEARCH on the selected mailbox (RFC 3501 §6.4.4, RFC 4731, RFC 7162 §3.1.5)."""

from typing import Final

from postroom.access.search import search as find
from postroom.access.view import View
from postroom.errors import Invalid
from postroom.listen.imap.conversation import Conversation
from postroom.listen.imap.handlers import Handlers
from postroom.listen.imap.progress import progress
from postroom.listen.imap.results import saving, tell
from postroom.listen.imap.updating import begin, keep
from postroom.protocol.imap import commands as c
from postroom.protocol.imap.esearch import Returns
from postroom.protocol.imap.search import Criteria, names_modseq, names_numbers
from postroom.protocol.imap.tokens import BadSyntax, Unusable

BADCHARSET: Final = b"BADCHARSET (US-ASCII UTF-8)"  # RFC 3501 §7.1


async def search(talk: Conversation, command: c.Search) -> None:
    """SEARCH and UID SEARCH; IMAP4rev2 has no answer but ESEARCH (RFC 9051 §6.4.4)."""
    view = talk.selected
    returns = command.returns
    if returns is None and talk.session.modes.rev2:
        returns = Returns(everything=True)
    with_modseq = names_modseq(command.criteria.key)
    if with_modseq:
        talk.use_condstore()
    await begin(talk, returns)
    with progress(talk), saving(view, returns):
        uids = await matches(view, command.criteria)
        await tell(talk, uids, returns, by_uid=command.by_uid, with_modseq=with_modseq)
    keep(talk, command.criteria.key, (), returns, uids, by_uid=command.by_uid)
    await talk.report(expunges=command.by_uid and not names_numbers(command.criteria.key))
    talk.session.finish("OK", "Searched")


async def matches(view: View, criteria: Criteria) -> list[int]:
    """The UIDs of the messages that are searched for, ascending."""
    if not criteria.knows_charset:
        raise Unusable(BADCHARSET, "This charset is not known")
    try:
        return await find(view, criteria.key)
    except Invalid as error:
        raise BadSyntax(str(error)) from None


HANDLERS: Final[Handlers] = {
    c.Search: search,
}
