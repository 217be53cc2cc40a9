"""APPEND: the message goes from the wire into ``access`` block by block.

Mailbox, size and quota are checked before the client is asked for the literal
(RFC 3501 §6.3.11, RFC 4315 §3, RFC 7888).
"""

from typing import Final

from postroom.access.append import Appender
from postroom.errors import Invalid, MailError, NotFound, Refused
from postroom.listen.imap.conversation import Appending, Conversation
from postroom.listen.imap.handlers import Handlers
from postroom.listen.imap.refusals import TRYCREATE, refuse
from postroom.protocol.imap.commands import Append
from postroom.protocol.imap.events import Content, EndOfContent


async def append(talk: Conversation, command: Append) -> None:
    """The command is here; ask for the message, or refuse it."""
    if not command.size:
        raise Invalid("an empty message can't be kept")
    services = talk.services
    appender = Appender(services.store, services.post, max_message=services.max_message)
    try:
        await appender.begin(await talk.places.get(command.mailbox), command.size)
    except NotFound as error:
        refuse(talk.session, error, missing=TRYCREATE)
        return
    talk.appending = Appending(appender, command)
    talk.session.accept_literal()


async def content(talk: Conversation, event: Content) -> None:
    """A block of the message is here."""
    if talk.appending is None:
        return
    try:
        await talk.appending.appender.write(event.octets)
    except (MailError, Refused) as error:
        await talk.stop_appending()
        refuse(talk.session, error)


async def end_of_content(talk: Conversation, event: EndOfContent) -> None:
    """The whole message is here: file it."""
    work = talk.appending
    if work is None:
        return
    if not event.is_clean:
        await talk.stop_appending()
        talk.session.finish("BAD", "Unexpected text after the message")
        return
    command = work.command
    received = talk.services.clock() if command.received is None else command.received
    try:
        uidvalidity, uid = await work.appender.finish(command.flags, command.keywords, received)
    except NotFound as error:
        refuse(talk.session, error, missing=TRYCREATE)
        return
    finally:
        await talk.stop_appending()
    await talk.report(always=talk.view is not None and talk.view.name == command.mailbox)
    talk.session.finish("OK", "Appended", b"APPENDUID %d %d" % (uidvalidity, uid))


HANDLERS: Final[Handlers] = {
    Append: append,
    Content: content,
    EndOfContent: end_of_content,
}
