"""APPEND and REPLACE: messages go from the wire into ``access`` block by block.

Mailbox, size and quota are checked before the client is asked for a literal; when
anything is refused, nothing of the command is kept.

RFC 3501 §6.3.11, RFC 3502 (MULTIAPPEND), RFC 4315 §3, RFC 7888, RFC 8508 (REPLACE),
RFC 4469 (CATENATE).
"""

from typing import Final

from postroom.access.append import Appender
from postroom.access.quoting import Quoting, read
from postroom.access.view import View
from postroom.errors import Invalid, NotFound
from postroom.listen.imap.conversation import Conversation
from postroom.listen.imap.handlers import Handlers
from postroom.listen.imap.refusals import NONEXISTENT, TRYCREATE, refuse
from postroom.listen.imap.results import numbered
from postroom.listen.imap.selected import highestmodseq
from postroom.protocol.imap.commands import Append, Replace
from postroom.protocol.imap.events import (
    Content,
    LiteralOffered,
    MessageBegins,
    MessagesEnd,
    UrlGiven,
)
from postroom.protocol.imap.responses import status_line
from postroom.protocol.imap.sets import write_set
from postroom.protocol.imap.urls import BadUrl, quoted as quoted_url


async def append(talk: Conversation, command: Append) -> None:
    """The command is here; its messages may come, or it is refused."""
    await _begin(talk, command.mailbox)


async def replace(talk: Conversation, command: Replace) -> None:
    """REPLACE and UID REPLACE: the same, and a message will go."""
    view = talk.selected
    number = (command.number, command.number)
    ranges = numbered(view, (number,), by_uid=command.by_uid)
    uid = ranges[0][0] if ranges else 0
    if view.sequence_of(uid) is None:
        talk.session.finish("NO", "There is no such message", NONEXISTENT)
        return
    await _begin(talk, command.mailbox, replacing=(view, uid))


async def _begin(
    talk: Conversation, mailbox: str, *, replacing: tuple[View, int] | None = None
) -> None:
    services = talk.services
    appender = Appender(services.store, services.post, max_message=services.max_message)
    try:
        await appender.begin(await talk.places.lately(mailbox), replacing=replacing)
    except NotFound as error:
        refuse(talk.session, error, missing=TRYCREATE)
        return
    talk.appender = appender
    talk.session.go_on()


async def message_begins(talk: Conversation, event: MessageBegins) -> None:
    """Another message comes."""
    received = talk.services.clock() if event.received is None else event.received
    await _appender(talk).message(event.flags, event.keywords, received)
    talk.session.go_on()


async def literal_offered(talk: Conversation, event: LiteralOffered) -> None:
    """Take a literal, or refuse it; an empty message cancels the command (RFC 3502)."""
    if not event.size and not event.is_part:
        raise Invalid("an empty message can't be kept")
    await _appender(talk).expect(event.size, is_binary=event.is_binary)
    talk.session.go_on()


async def url_given(talk: Conversation, event: UrlGiven) -> None:
    """CATENATE: a part of the message is on the server already; it flows over."""
    appender = _appender(talk)
    if talk.quoting is None:
        talk.quoting = Quoting(talk.places, talk.services.store, talk.view)
    try:
        quoted = await talk.quoting.find(event.url)
        await appender.expect(quoted.size)
        async for piece in read(quoted):
            await appender.write(piece)
    except (BadUrl, NotFound) as error:
        await talk.stop_appending()
        code = b"BADURL " + quoted_url(event.url)
        talk.session.finish("NO", f"Nothing can be had there: {error}", code)
        return
    talk.session.go_on()


async def content(talk: Conversation, event: Content) -> None:
    """A block of a message is here."""
    await _appender(talk).write(event.octets)


async def messages_end(talk: Conversation, event: MessagesEnd) -> None:
    """All messages are here: file them."""
    if event.mistake:
        await talk.stop_appending()
        talk.session.finish("BAD", event.mistake)
        return
    appender = _appender(talk)
    try:
        appended = await appender.finish()
    except NotFound as error:
        refuse(talk.session, error, missing=TRYCREATE)
        return
    finally:
        talk.appender = talk.quoting = None
    code = b"APPENDUID %d %s" % (appended.uidvalidity, write_set(appended.uids))
    if appended.has_replaced:  # RFC 8508 §4.3: before the client hears of the expunge
        talk.session.untagged(status_line(b"*", "OK", "The new message is there", code))
        await talk.report(always=True)
        talk.session.finish("OK", "Replaced", highestmodseq(talk))
        return
    view = talk.view
    await talk.report(always=view is not None and view.mailbox_id == appended.mailbox_id)
    talk.session.finish("OK", "Appended", code)


def _appender(talk: Conversation) -> Appender:
    if talk.appender is None:
        raise RuntimeError("no APPEND is in progress")
    return talk.appender


HANDLERS: Final[Handlers] = {
    Append: append,
    Content: content,
    LiteralOffered: literal_offered,
    MessageBegins: message_begins,
    MessagesEnd: messages_end,
    Replace: replace,
    UrlGiven: url_given,
}
