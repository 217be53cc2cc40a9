"""SEARCH on the selected mailbox (RFC 3501 §6.4.4)."""

from typing import Final

from postroom.access.search import search as find
from postroom.errors import Invalid
from postroom.listen.imap.conversation import Conversation
from postroom.listen.imap.handlers import Handlers
from postroom.protocol.imap import commands as c
from postroom.protocol.imap.responses import search_line
from postroom.protocol.imap.tokens import BadSyntax


async def search(talk: Conversation, command: c.Search) -> None:
    """SEARCH and UID SEARCH, RFC 3501 §6.4.4."""
    view = talk.selected
    try:
        uids = await find(view, command.key)
    except Invalid as error:
        raise BadSyntax(str(error)) from None
    if command.by_uid:
        talk.session.untagged(search_line(uids))
    else:
        numbers = [number for uid in uids if (number := view.sequence_of(uid)) is not None]
        talk.session.untagged(search_line(numbers))
    await talk.report(expunges=command.by_uid)
    talk.session.finish("OK", "Searched")


HANDLERS: Final[Handlers] = {
    c.Search: search,
}
