r"""FETCH: pages of facts, and content as ``contents`` writes it.

Facts (flags, sizes, envelopes) of a page of messages are written at once. A message that
was expunged by another session meanwhile is left out (RFC 2180 §4.1.2); one that can't be
read does not keep the client from the others, the answer is NO.

RFC 3501 §6.4.5, §6.4.8; RFC 7162 §3.1.4, §3.2.6.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Final

from postroom.access.flags import flags
from postroom.access.loading import rows
from postroom.access.pages import FetchRow, Fields
from postroom.access.previews import with_previews
from postroom.access.view import FlagChange, View
from postroom.errors import MailError, NotFound
from postroom.listen.imap.contents import write, write_selected
from postroom.listen.imap.conversation import Conversation
from postroom.listen.imap.handlers import Handlers
from postroom.listen.imap.plan import Plan
from postroom.listen.imap.refusals import refuse
from postroom.listen.imap.results import numbered
from postroom.listen.imap.resyncing import tell_expunged
from postroom.listen.imap.series import FETCHED, answer_at_hand
from postroom.protocol.imap.commands import Fetch
from postroom.protocol.imap.fetch import Attribute, FetchItem
from postroom.protocol.imap.fetch_lines import flags_page
from postroom.protocol.imap.modes import Modes
from postroom.protocol.imap.search import SEEN
from postroom.protocol.imap.sets import STAR

_FLAGS: Final = ((Attribute.FLAGS,), (Attribute.UID, Attribute.FLAGS))  # asked for all the time


async def fetch(talk: Conversation, command: Fetch) -> None:
    """FETCH and UID FETCH, and those that follow in a series."""
    await _fetch(talk, command)
    session = talk.session
    while session.buffered and await _may_go_on(talk, command):
        following = session.follow()
        if following is None:
            return
        await _fetch(talk, following)


async def _may_go_on(talk: Conversation, command: Fetch) -> bool:
    """Answer what goes on with the series of a command and is at hand.

    False: the mailbox may not be read any more.
    """
    is_simple = command.by_uid and command.changed_since is None and command.partial is None
    plan = talk.plan_of(_items(talk.session.modes, command))
    while True:
        await talk.make_room()
        if not await talk.renew():
            return False
        if not is_simple or not answer_at_hand(talk, plan):
            return True


def _items(modes: Modes, command: Fetch) -> tuple[FetchItem, ...]:
    """What is told of each message: what was asked for, and what belongs to it."""
    items = command.items
    if command.by_uid and Attribute.UID not in items and not modes.uidonly:
        items = (Attribute.UID, *items)  # RFC 3501 §6.4.8
    if command.changed_since is not None and Attribute.MODSEQ not in items:
        items = (*items, Attribute.MODSEQ)  # RFC 7162 §3.1.4.1
    return items


async def _fetch(talk: Conversation, command: Fetch) -> None:
    items, since = _items(talk.session.modes, command), command.changed_since
    if Attribute.MODSEQ in items:
        talk.use_condstore()
    if command.vanished and since is not None:
        await talk.report(always=True)  # so that what is gone has no number any more
        await tell_expunged(talk, command.ranges, since)
    ranges: Sequence[tuple[int, int]] = command.ranges
    if not (command.by_uid and _is_one(ranges)):
        ranges = numbered(talk.selected, command.ranges, by_uid=command.by_uid)
    if command.partial is not None:
        numbering = talk.selected.numbering
        start, end = command.partial.bounds(numbering.count_within(ranges))
        ranges = numbering.part(ranges, start, end)
    failure = await send(talk, items, ranges, changed_since=since)
    await talk.report(expunges=command.by_uid)
    if failure is None:
        talk.session.finish("OK", FETCHED)
    else:
        refuse(talk.session, failure)


def unasked(modes: Modes, items: Sequence[FetchItem]) -> tuple[FetchItem, ...]:
    """These items as they are sent without a FETCH: with what else must be told then."""
    more: list[FetchItem] = []
    if not modes.uidonly and Attribute.UID not in items:
        more.append(Attribute.UID)
    if modes.condstore and Attribute.MODSEQ not in items:
        return (*more, *items, Attribute.MODSEQ)  # RFC 7162 §3.2.4
    return (*more, *items)


async def send(
    talk: Conversation,
    items: Sequence[FetchItem],
    ranges: Sequence[tuple[int, int]],
    *,
    changed_since: int | None = None,
) -> MailError | None:
    """Write these items of the messages of ranges of UIDs; the last failure, if there was one.

    With ``changed_since`` only of those that have changed after that MODSEQ.
    """
    plan = talk.plan_of(tuple(items))
    view = talk.selected
    if changed_since is None and plan.lasts and "content" in plan.need and _is_one(ranges):
        row = await talk.read_ahead(ranges[0][0], plan.need)
        return await _send_contents(talk, [row], plan) if row is not None else None
    uidonly = talk.session.modes.uidonly
    if plan.items in (_FLAGS[:1] if uidonly else _FLAGS) and changed_since is None:
        async for found in flags(view, ranges):
            talk.tell_keywords([keywords for _, keywords, _ in found.kinds])
            talk.session.untagged(flags_page(found, with_uid=len(items) > 1, uidonly=uidonly))
            await talk.make_room()
        return None
    failure: MailError | None = None
    fields = Fields(plan.fields, talk.services.fields) if plan.fields else None
    pages: AsyncIterator[list[FetchRow]] = rows(
        view, ranges, need=plan.need, fields=fields, changed_since=changed_since
    )
    if plan.previews:
        pages = with_previews(view, pages, lazy=Attribute.PREVIEW not in plan.attributes)
    async for page in pages:
        if Attribute.FLAGS in plan.attributes:
            talk.tell_keywords([row.keywords for row in page])
        if plan.contents:
            failure = await _send_contents(talk, page, plan) or failure
            continue
        talk.session.untagged(plan.plain.page(page))
        if Attribute.MODSEQ in plan.attributes:
            talk.note_modseq(max([row.modseq for row in page]))
        await talk.make_room()
    return failure


async def _send_contents(
    talk: Conversation, page: Sequence[FetchRow], plan: Plan
) -> MailError | None:
    """Write messages with content; the last failure, if some could not be read."""
    view = talk.selected
    if plan.fields and not plan.marks_seen:
        texts = [row.selected for row in page if row.selected is not None]
        if len(texts) == len(page):
            _send_selected(talk, page, plan, texts)
            await talk.make_room()
            return None
    changed = frozenset[int]()
    if plan.marks_seen and view.flag_mask & SEEN:
        changed = await _mark_seen(view, page)
        talk.tell_keywords([row.keywords for row in page])
    failure: MailError | None = None
    for row in page:
        lines = plan.flagged if row.uid in changed else plan.plain
        if Attribute.MODSEQ in lines.attributes:
            talk.note_modseq(row.modseq)
        if row.selected is not None:
            write_selected(talk, lines.open(row), plan.contents[0], row.selected)
        else:
            try:
                await write(talk, lines.open(row), row, plan.contents)
            except NotFound:
                continue
            except MailError as error:
                failure = error
        await talk.make_room()
    return failure


def _send_selected(
    talk: Conversation, page: Sequence[FetchRow], plan: Plan, texts: Sequence[bytes]
) -> None:
    """The same for header fields that are all at hand: they are listed by the thousand."""
    if Attribute.MODSEQ in plan.attributes:
        talk.note_modseq(max([row.modseq for row in page]))
    talk.session.untagged(plan.plain.page_with(page, plan.contents[0].label, texts))


def _is_one(ranges: Sequence[tuple[int, int]]) -> bool:
    """Whether one message is asked for, by its number."""
    return len(ranges) == 1 and 0 < ranges[0][0] == ranges[0][1] < STAR


async def _mark_seen(view: View, page: Sequence[FetchRow]) -> frozenset[int]:
    r"""Set \Seen where it is missing; the UIDs whose flags changed. A full disk is no bar."""
    unseen = [(row.uid, row.uid) for row in page if not row.flags & SEEN]
    if not unseen:
        return frozenset()
    by_uid = {row.uid: row for row in page}
    changed: set[int] = set()
    with suppress(MailError):
        stored = await view.store(unseen, FlagChange("add", SEEN))
        for flagged in stored.flagged:
            row = by_uid[flagged.uid]
            row.flags, row.keywords, row.modseq = flagged.flags, flagged.keywords, flagged.modseq
            changed.add(flagged.uid)
    return frozenset(changed)


HANDLERS: Final[Handlers] = {
    Fetch: fetch,
}
