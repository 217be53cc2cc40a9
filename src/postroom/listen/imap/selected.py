"""Commands on the selected mailbox but FETCH (RFC 3501 §6.4)."""

from typing import Final

from postroom.access.flags import stored
from postroom.access.numbering import Ranges
from postroom.access.view import CopyResult, FlagChange, View
from postroom.errors import NotFound
from postroom.listen.imap.conversation import Conversation
from postroom.listen.imap.fetching import send, unasked
from postroom.listen.imap.handlers import Handlers
from postroom.listen.imap.progress import progress
from postroom.listen.imap.refusals import TRYCREATE, refuse
from postroom.listen.imap.results import numbered
from postroom.protocol.imap import commands as c
from postroom.protocol.imap.fetch import Attribute
from postroom.protocol.imap.fetch_lines import FlagPage, flags_page
from postroom.protocol.imap.responses import status_line
from postroom.protocol.imap.sets import write_set

EXPUNGEISSUED: Final = b"EXPUNGEISSUED"  # RFC 5530 §3
_GONE: Final = "These messages were expunged"
FEW: Final = 32  # messages whose new flags are read with the change itself


async def check(talk: Conversation, _: c.Check) -> None:
    """CHECK, RFC 3501 §6.4.1: everything is always on disk."""
    await talk.report(always=True)
    talk.session.finish("OK", "Checked")


async def close(talk: Conversation, _: c.Close) -> None:
    r"""CLOSE, RFC 3501 §6.4.2: \Deleted messages go without a word."""
    await talk.deselect(expunge=not talk.selected.read_only)
    talk.session.finish("OK", "Closed")


async def unselect(talk: Conversation, _: c.Unselect) -> None:
    """UNSELECT, RFC 3691."""
    await talk.deselect()
    talk.session.finish("OK", "Unselected")


async def expunge(talk: Conversation, command: c.Expunge) -> None:
    """EXPUNGE and UID EXPUNGE, RFC 3501 §6.4.3, RFC 4315 §2.1."""
    view = talk.selected
    if _refuse_read_only(talk, view):
        return
    ranges = command.ranges
    await view.expunge(None if ranges is None else view.uid_ranges(ranges, by_uid=True))
    await talk.report(always=True)
    talk.session.finish("OK", "Expunged", highestmodseq(talk))


async def store(talk: Conversation, command: c.Store) -> None:
    """STORE and UID STORE, RFC 3501 §6.4.6."""
    view = talk.selected
    if _refuse_read_only(talk, view):
        return
    ranges = numbered(view, command.ranges, by_uid=command.by_uid)
    change = FlagChange(
        command.action,
        command.flags,
        command.keywords,
        unchanged_since=command.unchanged_since,
    )
    if command.unchanged_since is not None:
        talk.use_condstore()
    modes = talk.session.modes
    is_unconditional = not command.is_silent and command.unchanged_since is None
    reads_after = is_unconditional and view.numbering.count_within(ranges) > FEW
    if reads_after and not modes.condstore:
        await _store_many(talk, ranges, change, with_uid=command.by_uid or modes.rev2)
        await talk.report(expunges=command.by_uid)
        talk.session.finish("OK", "Stored")
        return
    done = await view.store(
        ranges,
        change,
        silent=command.is_silent,
        wants_modseq=modes.condstore,
        wants_flags=not reads_after,
    )
    talk.tell_keywords()
    if reads_after:
        await send(talk, unasked(modes, (Attribute.FLAGS,)), ranges)
    talk.tell_flags(done.flagged, with_uid=command.by_uid)
    modified = done.modified
    if modified and not command.by_uid:  # before any expunge is told
        modified = [number for number in view.sequences_of(modified) if number]
    await talk.report(expunges=command.by_uid)
    code = b"MODIFIED " + write_set(modified) if modified else b""
    talk.session.finish("OK", "Stored but for some" if code else "Stored", code)


async def _store_many(
    talk: Conversation, ranges: Ranges, change: FlagChange, *, with_uid: bool
) -> None:
    view = talk.selected
    uidonly = talk.session.modes.uidonly

    def write(page: FlagPage) -> bytes:
        talk.tell_keywords([keywords for _, keywords, _ in page.kinds])
        return flags_page(page, with_uid=with_uid, uidonly=uidonly)

    async for lines in stored(view, ranges, change, write):
        talk.session.untagged(lines)
        await talk.make_room()


async def copy(talk: Conversation, command: c.Copy) -> None:
    """COPY and UID COPY, RFC 3501 §6.4.7, RFC 4315 §3."""
    view = talk.selected
    ranges = numbered(view, command.ranges, by_uid=command.by_uid)
    try:
        with progress(talk):
            copied = await view.copy(ranges, await talk.places.get(command.mailbox))
    except NotFound as error:
        refuse(talk.session, error, missing=TRYCREATE)
        return
    are_gone = not command.by_uid and _are_gone(view, ranges, copied)
    await talk.report(always=are_gone or view.name == command.mailbox)
    if are_gone:
        talk.session.finish("NO", _GONE, EXPUNGEISSUED)
    else:
        talk.session.finish("OK", "Copied", _copyuid(copied))


async def move(talk: Conversation, command: c.Move) -> None:
    """MOVE and UID MOVE, RFC 6851: COPYUID comes before the EXPUNGEs."""
    view = talk.selected
    if _refuse_read_only(talk, view):
        return
    ranges = numbered(view, command.ranges, by_uid=command.by_uid)
    try:
        with progress(talk):
            moved = await view.move(ranges, await talk.places.get(command.mailbox))
    except NotFound as error:
        refuse(talk.session, error, missing=TRYCREATE)
        return
    if code := _copyuid(moved):
        talk.session.untagged(status_line(b"*", "OK", "Moved", code))
    are_gone = not command.by_uid and _are_gone(view, ranges, moved)
    await talk.report(always=True)
    if are_gone:
        talk.session.finish("NO", _GONE, EXPUNGEISSUED)
    else:
        code = highestmodseq(talk) if moved.source_uids else b""
        talk.session.finish("OK", "Moved", code)


def highestmodseq(talk: Conversation) -> bytes:
    """RFC 7162 §3.2.7: the state after an expunge, of which everything has been told."""
    if not talk.session.modes.qresync:
        return b""
    return b"HIGHESTMODSEQ %d" % talk.selected.complete


def _are_gone(view: View, ranges: Ranges, result: CopyResult) -> bool:
    """Whether others have expunged all messages that were named by numbers (RFC 2180 §4.4)."""
    return not result.source_uids and view.numbering.count_within(ranges) > 0


def _copyuid(result: CopyResult) -> bytes:
    if not result.source_uids:
        return b""
    sources, targets = write_set(result.source_uids), write_set(result.target_uids)
    return b"COPYUID %d %s %s" % (result.uidvalidity, sources, targets)


def _refuse_read_only(talk: Conversation, view: View) -> bool:
    if view.read_only:
        talk.session.finish("NO", "The mailbox is read-only, select it to change it", b"CANNOT")
    return view.read_only


HANDLERS: Final[Handlers] = {
    c.Check: check,
    c.Close: close,
    c.Copy: copy,
    c.Expunge: expunge,
    c.Move: move,
    c.Store: store,
    c.Unselect: unselect,
}
