"""APPEND: messages go from the wire into ``access`` block by block.

Mailbox, size and quota are checked before the client is asked for a literal; when
anything is refused, nothing of the command is kept.

RFC 3501 §6.3.11, RFC 3502 (MULTIAPPEND), RFC 4315 §3, RFC 7888.
"""

from typing import Final

from postroom.access.append import Appender
from postroom.errors import Invalid, NotFound
from postroom.listen.imap.conversation import Conversation
from postroom.listen.imap.handlers import Handlers
from postroom.listen.imap.refusals import TRYCREATE, refuse
from postroom.protocol.imap.commands import Append
from postroom.protocol.imap.events import Content, LiteralOffered, MessageBegins, MessagesEnd
from postroom.protocol.imap.sets import write_set


async def append(talk: Conversation, command: Append) -> None:
    """The command is here; its messages may come, or it is refused."""
    services = talk.services
    appender = Appender(
        services.store,
        services.post,
        max_message=services.max_message,
        takes_utf8=talk.session.modes.utf8,
    )
    try:
        await appender.begin(await talk.places.get(command.mailbox))
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
    """Take a literal, or refuse it; an empty one cancels the command (RFC 3502)."""
    if not event.size:
        raise Invalid("an empty message can't be kept")
    await _appender(talk).expect(event.size, is_binary=event.is_binary)
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
        talk.appender = None
    view = talk.view
    await talk.report(always=view is not None and view.mailbox_id == appended.mailbox_id)
    code = b"APPENDUID %d %s" % (appended.uidvalidity, write_set(appended.uids))
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
}
