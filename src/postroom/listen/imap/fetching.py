r"""FETCH: pages of facts, and content as ``contents`` writes it.

Facts (flags, sizes, envelopes) of a page of messages are written at once. A message that
was expunged by another session meanwhile is left out (RFC 2180 §4.1.2); one that can't be
read does not keep the client from the others, the answer is NO.

RFC 3501 §6.4.5, §6.4.8; RFC 7162 §3.1.4, §3.2.6.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Final

from postroom.access.ahead import Ahead
from postroom.access.fetch import FetchRow, Fields, rows
from postroom.access.flags import flags
from postroom.access.previews import with_previews
from postroom.access.view import FlagChange, View
from postroom.errors import MailError, NotFound
from postroom.listen.imap.contents import write, write_selected
from postroom.listen.imap.conversation import Conversation
from postroom.listen.imap.handlers import Handlers
from postroom.listen.imap.refusals import refuse
from postroom.listen.imap.resyncing import tell_expunged
from postroom.listen.imap.selected import numbered
from postroom.protocol.imap.commands import Fetch
from postroom.protocol.imap.fetch import (
    Attribute,
    Binary,
    Content,
    FetchItem,
    Octets,
    Section,
)
from postroom.protocol.imap.fetch_lines import Lines, flags_page
from postroom.protocol.imap.modes import Modes
from postroom.protocol.imap.search import SEEN

HELD: Final = 64 * 1024  # octets of responses that are sent at once

_ORDER: Final = (Attribute.UID, Attribute.FLAGS, Attribute.MODSEQ)
_NEEDS: Final[dict[Attribute, str]] = {
    Attribute.SAVEDATE: "saved",
    Attribute.THREADID: "thread_id",
    Attribute.ENVELOPE: "envelope",
    Attribute.BODY: "bodystructure",
    Attribute.BODYSTRUCTURE: "bodystructure",
}
_PREVIEWS: Final = frozenset({Attribute.PREVIEW, Attribute.PREVIEW_LAZY})
_PASSING: Final = frozenset({Attribute.FLAGS, Attribute.MODSEQ})  # facts that change
_FLAGS: Final = ((Attribute.FLAGS,), (Attribute.UID, Attribute.FLAGS))  # asked for all the time


async def fetch(talk: Conversation, command: Fetch) -> None:
    """FETCH and UID FETCH."""
    items, since = command.items, command.changed_since
    if command.by_uid and Attribute.UID not in items and not talk.session.modes.uidonly:
        items = (Attribute.UID, *items)  # RFC 3501 §6.4.8
    if since is not None and Attribute.MODSEQ not in items:
        items = (*items, Attribute.MODSEQ)  # RFC 7162 §3.1.4.1
    if Attribute.MODSEQ in items:
        talk.use_condstore()
    if command.vanished and since is not None:
        await talk.report(always=True)  # so that what is gone has no number any more
        await tell_expunged(talk, command.ranges, since)
    ranges = numbered(talk.selected, command.ranges, by_uid=command.by_uid)
    if command.partial is not None:
        numbering = talk.selected.numbering
        start, end = command.partial.bounds(numbering.count_within(ranges))
        ranges = numbering.part(ranges, start, end)
    failure = await send(talk, items, ranges, changed_since=since)
    await talk.report(expunges=command.by_uid)
    if failure is None:
        talk.session.finish("OK", "Fetched")
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
    attributes = [item for item in items if isinstance(item, Attribute)]
    contents = [item for item in items if not isinstance(item, Attribute)]
    names = _listed(contents)
    need = _need(attributes if names else items)
    if "content" in need and changed_since is None and _is_one_that_lasts(items, ranges):
        talk.ahead = talk.ahead or Ahead()
        has_more = talk.session.buffered > 0
        pages = talk.ahead.message(talk.selected, ranges[0][0], need=need, has_more=has_more)
    else:
        fields = Fields(names, talk.services.fields) if names else None
        pages = rows(talk.selected, ranges, need=need, fields=fields, changed_since=changed_since)
    if not _PREVIEWS.isdisjoint(attributes):
        pages = with_previews(talk.selected, pages, lazy=Attribute.PREVIEW not in attributes)
    if contents:
        return await _send_contents(talk, pages, attributes, contents)
    uidonly = talk.session.modes.uidonly
    if tuple(items) in (_FLAGS[:1] if uidonly else _FLAGS):
        async for found in flags(talk.selected, ranges):
            talk.session.untagged(flags_page(found, with_uid=len(items) > 1, uidonly=uidonly))
            await talk.flush()
        return None
    lines = Lines(attributes, uidonly=uidonly)
    async for page in pages:
        talk.session.untagged(lines.page(page))
        if Attribute.MODSEQ in attributes:
            talk.note_modseq(max([row.modseq for row in page]))
        await talk.flush()
    return None


async def _send_contents(
    talk: Conversation,
    pages: AsyncIterator[list[FetchRow]],
    attributes: Sequence[Attribute],
    contents: Sequence[Content],
) -> MailError | None:
    """Write messages with content; the last failure, if some could not be read."""
    view = talk.selected
    sets_seen = bool(view.flag_mask & SEEN) and any(_marks_seen(item) for item in contents)
    modes = talk.session.modes
    plain = Lines(attributes, uidonly=modes.uidonly)
    told = {*attributes, Attribute.FLAGS}  # of a message that becomes \Seen
    if modes.condstore:
        told |= {Attribute.MODSEQ} if modes.uidonly else {Attribute.UID, Attribute.MODSEQ}
    more = sorted(told.difference(attributes), key=_ORDER.index)
    flagged = Lines([*attributes, *more], uidonly=modes.uidonly)
    failure: MailError | None = None
    waiting = 0
    async for page in pages:
        changed = await _mark_seen(view, page) if sets_seen else frozenset[int]()
        for row in page:
            lines = flagged if row.uid in changed else plain
            if Attribute.MODSEQ in lines.attributes:
                talk.note_modseq(row.modseq)
            if row.selected is not None:
                waiting += write_selected(talk, lines.open(row), contents[0], row.selected)
                continue
            try:
                waiting += await write(talk, lines.open(row), row, contents)
            except NotFound:
                continue
            except MailError as error:
                failure = error
            if waiting > HELD:
                waiting = 0
                await talk.flush()
    return failure


def _listed(contents: Sequence[Content]) -> tuple[str, ...]:
    """The fields of a request that lists a mailbox by them, and asks for nothing else."""
    if len(contents) != 1 or not isinstance(item := contents[0], Octets):
        return ()
    section = item.section
    is_list = section.piece == "HEADER.FIELDS" and not section.path and item.partial is None
    return section.fields if is_list else ()


def _is_one_that_lasts(items: Sequence[FetchItem], ranges: Sequence[tuple[int, int]]) -> bool:
    """Whether what is asked of one message can never change, nor is changed by asking."""
    return (
        len(ranges) == 1
        and ranges[0][0] == ranges[0][1]
        and _PASSING.isdisjoint(items)
        and not any(_marks_seen(item) for item in items)
    )


def _marks_seen(item: FetchItem) -> bool:
    return isinstance(item, Octets | Binary) and not item.peek


def _need(items: Sequence[FetchItem]) -> frozenset[str]:
    needs = {_NEEDS[item] for item in items if isinstance(item, Attribute) and item in _NEEDS}
    for item in items:
        if not isinstance(item, Attribute):
            in_head = isinstance(item, Octets) and _in_head(item.section)
            needs.add("head" if in_head else "content")
    return frozenset(needs)


def _in_head(wanted: Section) -> bool:
    """Whether the header block of the message is enough."""
    return not wanted.path and wanted.piece.startswith("HEADER")


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
