"""NOTIFY: telling what happens without being asked, in all mailboxes (RFC 5465).

The command sets what is wanted; ``tell_news`` writes what has happened since, between two
commands and in IDLE. Of a mailbox that is not selected a client hears its STATUS, of names
and subscriptions a LIST.
"""

from contextlib import suppress
from typing import Final

from postroom.access.folders import Status
from postroom.access.watching import ANNOTATIONS, Counted, Named, TooMany, Watching
from postroom.errors import MailError, Refused
from postroom.listen.imap.conversation import Conversation
from postroom.listen.imap.fetching import send, unasked
from postroom.listen.imap.handlers import Handlers
from postroom.listen.imap.notices import Notices
from postroom.protocol.imap.commands import Notify
from postroom.protocol.imap.metadata import changed_line
from postroom.protocol.imap.notify import OF_METADATA, OF_SELECTED
from postroom.protocol.imap.responses import list_line, status_line, status_response

_OVERFLOW: Final = b"NOTIFICATIONOVERFLOW"


async def notify(talk: Conversation, command: Notify) -> None:
    """NOTIFY SET and NOTIFY NONE; each replaces what was asked for before."""
    selected = next((group for group in command.groups if group.watched in OF_SELECTED), None)
    notices = Notices(selected, talk.wire.attend)
    if len(command.groups) > (selected is not None):
        watching = Watching(talk.folders, talk.services.store, command.groups, notices.wake)
        if talk.session.modes.metadata:
            watching.ignored = OF_METADATA
        try:
            counted = await watching.begin(_selected_id(talk), with_status=command.with_status)
        except TooMany:
            watching.close()
            talk.session.finish("NO", "There are too many mailboxes to watch", _OVERFLOW)
            return
        except BaseException:
            watching.close()
            raise
        notices.watching = watching
        for news in counted:
            _write_status(talk, news.name, news.status)
    talk.set_notices(notices)
    await talk.report()
    talk.session.finish("OK", "Done")


async def tell_news(talk: Conversation) -> None:
    """Write what was asked for and has happened; for the time between two commands."""
    notices = talk.notices
    if talk.session.is_closed:  # nothing follows BYE
        return
    if talk.annotated is not None and not await _look(talk, talk.annotated):
        talk.set_annotated(None)
    if notices is None:
        return
    if notices.tells_messages and talk.has_news:
        await talk.report(expunges=not notices.keeps_numbers)
    if notices.arrived and notices.selected is not None:
        ranges, notices.arrived = notices.arrived, []
        await send(talk, unasked(talk.session.modes, notices.selected.items), ranges)
    if not await _look(talk, notices):
        text = "There are too many mailboxes to watch, nothing is told any more"
        talk.session.untagged(status_line(b"*", "OK", text, _OVERFLOW))
        talk.set_notices(Notices(None, talk.wire.attend))


async def watch_annotations(talk: Conversation) -> bool:
    """Tell from now on which annotations have changed (RFC 5464 §4.4); False: it can't be."""
    notices = Notices(None, talk.wire.attend)
    notices.watching = Watching(talk.folders, talk.services.store, ANNOTATIONS, notices.wake)
    try:
        await notices.watching.begin(0, with_status=False)
    except BaseException as error:
        notices.close()
        if isinstance(error, TooMany):
            return False
        raise
    talk.set_annotated(notices)
    if talk.notices is not None and talk.notices.watching is not None:
        talk.notices.watching.ignored = OF_METADATA
    return True


async def _look(talk: Conversation, notices: Notices) -> bool:
    """Write what has happened to the mailboxes that are watched; False: they are too many."""
    watching = notices.watching
    if watching is None or not notices.has_news:
        return True
    notices.has_news = False
    try:
        for news in await watching.look(_selected_id(talk)):
            if isinstance(news, Named):
                _write_name(talk, news)
            elif isinstance(news, Counted):
                _write_status(talk, news.name, news.status)
            else:
                utf8 = talk.session.modes.utf8
                talk.session.untagged(changed_line(news.name, news.entries, utf8=utf8))
    except TooMany:
        return False
    except BaseException:
        notices.has_news = True
        raise
    return True


async def tell_quietly(talk: Conversation) -> None:
    """``tell_news``; what can't be read now, the next time tells."""
    with suppress(MailError, Refused):
        await tell_news(talk)


def _selected_id(talk: Conversation) -> int:
    return talk.view.mailbox_id if talk.view is not None else 0


def _write_status(talk: Conversation, name: str, status: Status) -> None:
    modes = talk.session.modes
    items = [
        (b"MESSAGES", status.messages),
        (b"UIDNEXT", status.uidnext),
        (b"UIDVALIDITY", status.uidvalidity),
        (b"UNSEEN", status.unseen),
    ]
    if modes.condstore:
        items.append((b"HIGHESTMODSEQ", status.highestmodseq))
    talk.session.untagged(status_response(name, items, utf8=modes.utf8))


def _write_name(talk: Conversation, news: Named) -> None:
    utf8 = talk.session.modes.utf8
    children = b"\\HasChildren" if news.folder.has_children else b"\\HasNoChildren"
    attributes = [b"\\NonExistent" if news.is_gone else children]
    if news.folder.subscribed:
        attributes.append(b"\\Subscribed")
    line = list_line(b"LIST", attributes, news.folder.name, utf8=utf8, old_name=news.old_name)
    talk.session.untagged(line)


HANDLERS: Final[Handlers] = {Notify: notify}
