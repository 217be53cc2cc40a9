"""UPDATE and CANCELUPDATE: results that a client is told of as they change (RFC 5267 §4.3).

What is expunged leaves the results before the EXPUNGE that takes its number; all else is
told after the EXISTS and FETCH responses that go with it.
"""

from array import array
from collections.abc import Mapping, Sequence
from typing import Final

from postroom.access.contexts import Change, Context, Contexts, Update, settled
from postroom.access.offload import run
from postroom.access.sort import Program
from postroom.access.view import Changes
from postroom.listen.imap.conversation import Conversation
from postroom.listen.imap.fetching import send, unasked
from postroom.listen.imap.handlers import Handlers
from postroom.listen.imap.results import numbers_of
from postroom.protocol.imap import commands as c
from postroom.protocol.imap.esearch import Returns, update_line
from postroom.protocol.imap.responses import status_line
from postroom.protocol.imap.search import SearchKey
from postroom.protocol.imap.sets import joined
from postroom.protocol.imap.tokens import BadSyntax


class Updates:
    """Tells one connection how its results change."""

    def __init__(self, talk: Conversation, contexts: Contexts) -> None:
        self._talk = talk
        self.contexts = contexts

    async def before(self, changes: Changes) -> None:
        """These expunges are about to be told."""
        numbers = dict(zip(changes.vanished, reversed(changes.expunged), strict=True))
        for update in await self.contexts.expunged(changes.vanished):
            await self._write(update, numbers)

    async def after(self) -> None:
        """Everything else was told."""
        async for update in self.contexts.look():
            items = update.context.items
            if items and update.fresh:
                talk = self._talk
                await send(talk, unasked(talk.session.modes, items), joined(update.fresh))
            await self._write(update, None)

    async def _write(self, update: Update, numbers: Mapping[int, int] | None) -> None:
        context = update.context
        changes: list[Sequence[Change]] = []
        count = 0
        for some in (update.removed, update.added):
            count += sum(len(uids) for _, uids in some)
            if context.by_uid:
                changes.append(some)
            elif numbers is not None:
                changes.append([(place, [numbers[uid] for uid in uids]) for place, uids in some])
            else:
                view = self._talk.selected
                changes.append([(place, await numbers_of(view, uids)) for place, uids in some])
        line = await run(count, update_line, context.tag, *changes, by_uid=context.by_uid)
        self._talk.session.untagged(line)


async def begin(talk: Conversation, returns: Returns | None) -> None:
    """Before a search whose result is to be kept up to date; a tag can't be used twice."""
    if returns is None or not returns.update:
        return
    if talk.updates is None:
        view = talk.selected
        talk.updates = Updates(talk, Contexts(view, talk.services.kept, await view.modseq()))
    elif talk.session.tag in talk.updates.contexts:
        raise BadSyntax("This tag is in use by a search with UPDATE")


def keep(
    talk: Conversation,
    key: SearchKey,
    program: Program,
    returns: Returns | None,
    uids: Sequence[int],
    *,
    by_uid: bool,
) -> None:
    """After the search: keep its result up to date, or say that it is not."""
    updates = talk.updates
    if updates is None or returns is None or not returns.update:
        return
    tag = talk.session.tag
    if updates.contexts.has_room(key, program, len(uids)):
        key = settled(talk.selected, key)
        found = array("I", uids)
        updates.contexts.add(Context(tag, key, program, by_uid, returns.items, found))
    else:
        text = "This result is not kept up to date"
        talk.session.untagged(status_line(b"*", "NO", text, b'NOUPDATE "%s"' % tag))


async def cancel(talk: Conversation, command: c.CancelUpdate) -> None:
    """CANCELUPDATE, RFC 5267 §4.3.5."""
    updates = talk.updates
    if updates is None or not all(tag in updates.contexts for tag in command.tags):
        raise BadSyntax("There is no search with UPDATE of this tag")
    for tag in dict.fromkeys(command.tags):
        updates.contexts.cancel(tag)
    await talk.report()
    talk.session.finish("OK", "No more updates")


HANDLERS: Final[Handlers] = {
    c.CancelUpdate: cancel,
}
