"""NOTIFY: telling what happens without being asked, in all mailboxes (RFC 5465).

The command sets what is wanted; ``tell_news`` writes what has happened since, between two
commands and in IDLE. Of a mailbox that is not selected a client hears its STATUS, of names
and subscriptions a LIST.
"""

from contextlib import suppress
from typing import Final

from postroom.access.folders import Status
from postroom.access.watching import Named, TooMany, Watching
from postroom.errors import MailError, Refused
from postroom.listen.imap.conversation import Conversation
from postroom.listen.imap.fetching import send, unasked
from postroom.listen.imap.handlers import Handlers
from postroom.listen.imap.notices import Notices
from postroom.protocol.imap.commands import Notify
from postroom.protocol.imap.notify import OF_SELECTED
from postroom.protocol.imap.responses import list_line, status_line, status_response

_OVERFLOW: Final = b"NOTIFICATIONOVERFLOW"


async def notify(talk: Conversation, command: Notify) -> None:
    """NOTIFY SET and NOTIFY NONE; each replaces what was asked for before."""
    selected = next((group for group in command.groups if group.watched in OF_SELECTED), None)
    notices = Notices(selected, talk.wire.attend)
    if len(command.groups) > (selected is not None):
        watching = Watching(talk.folders, talk.services.store, command.groups, notices.wake)
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
    if notices is None or talk.session.is_closed:  # nothing follows BYE
        return
    if notices.tells_messages and talk.has_news:
        await talk.report(expunges=not notices.keeps_numbers)
    if notices.arrived and notices.selected is not None:
        ranges, notices.arrived = notices.arrived, []
        await send(talk, unasked(talk.session.modes, notices.selected.items), ranges)
    if notices.has_news and notices.watching is not None:
        notices.has_news = False
        try:
            for news in await notices.watching.look(_selected_id(talk)):
                if isinstance(news, Named):
                    _write_name(talk, news)
                else:
                    _write_status(talk, news.name, news.status)
        except TooMany:
            text = "There are too many mailboxes to watch, nothing is told any more"
            talk.session.untagged(status_line(b"*", "OK", text, _OVERFLOW))
            talk.set_notices(Notices(None, talk.wire.attend))
        except BaseException:
            notices.has_news = True
            raise


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
    attributes = [b"\\NonExistent"] if news.is_gone else []
    if news.folder.subscribed:
        attributes.append(b"\\Subscribed")
    line = list_line(b"LIST", attributes, news.folder.name, utf8=utf8, old_name=news.old_name)
    talk.session.untagged(line)


HANDLERS: Final[Handlers] = {Notify: notify}
