"""Commands of a person who has logged in: mailboxes as wholes (RFC 3501 §6.3)."""

from typing import Final

from postroom.access.places import PREFIX
from postroom.access.view import View
from postroom.errors import NotFound
from postroom.listen.imap.conversation import Conversation
from postroom.listen.imap.handlers import Handlers
from postroom.listen.imap.listing import name_line, told_status
from postroom.listen.imap.notifying import watch_annotations
from postroom.listen.imap.resyncing import resync
from postroom.protocol.imap import commands as c
from postroom.protocol.imap.modes import Modes
from postroom.protocol.imap.object_ids import mailbox_id
from postroom.protocol.imap.patterns import DELIMITER
from postroom.protocol.imap.responses import (
    URLMECH,
    exists_line,
    flags_lines,
    highestmodseq_line,
    mailbox_name,
    recent_line,
    status_line,
)
from postroom.store.names import INBOX


async def select(talk: Conversation, command: c.Select | c.Examine) -> None:
    """SELECT and EXAMINE, RFC 3501 §6.3.1, §6.3.2, RFC 7162 §3.2.5, §3.2.11 (CLOSED)."""
    read_only = isinstance(command, c.Examine)
    if talk.view is not None:
        await talk.deselect()
        talk.session.unselect("The other mailbox is left")
    place = await talk.places.get(command.mailbox)
    modes = talk.session.modes
    view = await View.open(
        place,
        talk.services.store,
        talk.services.kept,
        read_only=read_only,
        with_recent=not modes.rev2,
    )
    modes.condstore |= command.condstore
    talk.select(view)
    talk.session.untagged(_opening_lines(view, modes))
    if modes.rev2:
        talk.session.untagged(await name_line(talk, view.name, command.mailbox))
    if command.resync is not None:
        await resync(talk, command.resync)
    code = b"READ-WRITE" if view.is_writable else b"READ-ONLY"
    talk.session.finish("OK", "Examined" if read_only else "Selected", code)


def _opening_lines(view: View, modes: Modes) -> bytes:
    """What is told of a mailbox that was selected; to IMAP4rev2 nothing that it has dropped."""
    lines = [
        flags_lines(view.keywords, mask=view.flag_mask, may_name=view.may_name),
        exists_line(view.exists),
    ]
    if not modes.rev2:
        lines.append(recent_line(view.recent))
    if view.first_unseen is not None and not (modes.rev2 or modes.uidonly):
        lines.append(status_line(b"*", "OK", "First unseen", b"UNSEEN %d" % view.first_unseen))
    lines += [
        status_line(b"*", "OK", "UIDs are valid", b"UIDVALIDITY %d" % view.uidvalidity),
        status_line(b"*", "OK", "Predicted next UID", b"UIDNEXT %d" % view.uidnext),
        highestmodseq_line(view.complete),
        status_line(
            b"*", "OK", "The mailbox for ever", b"MAILBOXID (%s)" % mailbox_id(view.mailbox_id)
        ),
        status_line(b"*", "OK", "How URLs are authorized", URLMECH),
    ]
    return b"".join(lines)


async def create(talk: Conversation, command: c.Create) -> None:
    """CREATE, RFC 3501 §6.3.3, RFC 6154 §3."""
    made = await talk.folders.create(command.mailbox, command.special_uses)
    asked = command.mailbox.removesuffix(DELIMITER)
    if talk.session.modes.rev2 and made.name != asked:
        talk.session.untagged(await name_line(talk, made.name, asked))
    talk.session.finish("OK", "Created", b"MAILBOXID (%s)" % mailbox_id(made.id))


async def delete(talk: Conversation, command: c.Delete) -> None:
    """DELETE, RFC 3501 §6.3.4."""
    deleted = await talk.folders.delete(command.mailbox)
    if talk.view is not None and talk.view.mailbox_id == deleted:
        await talk.deselect()
        talk.session.unselect("The deleted mailbox is left")
    await talk.report()
    talk.session.finish("OK", "Deleted")


async def rename(talk: Conversation, command: c.Rename) -> None:
    """RENAME, RFC 3501 §6.3.5."""
    named = await talk.folders.rename(command.mailbox, command.new_name)
    if talk.session.modes.rev2 and command.mailbox != INBOX:  # of which there is a new one
        talk.session.untagged(await name_line(talk, named, command.mailbox))
    await talk.report()
    talk.session.finish("OK", "Renamed")


async def subscribe(talk: Conversation, command: c.Subscribe) -> None:
    """SUBSCRIBE, RFC 3501 §6.3.6."""
    await talk.folders.subscribe(command.mailbox)
    talk.session.finish("OK", "Subscribed")


async def unsubscribe(talk: Conversation, command: c.Unsubscribe) -> None:
    """UNSUBSCRIBE, RFC 3501 §6.3.7; a name that was not subscribed is no error."""
    try:
        await talk.folders.unsubscribe(command.mailbox)
    except NotFound:
        talk.session.finish("OK", "It was not subscribed")
        return
    talk.session.finish("OK", "Unsubscribed")


async def status(talk: Conversation, command: c.Status) -> None:
    """STATUS, RFC 3501 §6.3.10, RFC 8438, RFC 7162 §3.1.7, RFC 7889."""
    if b"HIGHESTMODSEQ" in command.items:
        talk.use_condstore()
    found = await talk.folders.status(command.mailbox)
    talk.session.untagged(told_status(talk, command.mailbox, found, command.items))
    await talk.report()
    talk.session.finish("OK", "Done")


async def namespace(talk: Conversation, _: c.Namespace) -> None:
    """NAMESPACE, RFC 2342: one's own mailboxes, and those that others share."""
    others = mailbox_name(PREFIX, utf8=talk.session.modes.utf8)
    talk.session.untagged(b'* NAMESPACE (("" "/")) ((%s "/")) NIL\r\n' % others)
    talk.session.finish("OK", "Done")


async def enable(talk: Conversation, command: c.Enable) -> None:
    """ENABLE, RFC 5161: what is not known is passed over."""
    modes = talk.session.modes
    knew_modseq = modes.condstore
    names = list(command.capabilities)
    if b"METADATA" in names and not modes.metadata and not await watch_annotations(talk):
        names.remove(b"METADATA")
    fresh = modes.enable(names)
    talk.session.untagged(b" ".join([b"* ENABLED", *fresh]) + b"\r\n")
    if modes.condstore and not knew_modseq:
        talk.tell_highestmodseq()
    if modes.rev2 and talk.view is not None:
        talk.view.forget_recent()
    talk.session.finish("OK", "Done")


HANDLERS: Final[Handlers] = {
    c.Create: create,
    c.Delete: delete,
    c.Enable: enable,
    c.Examine: select,
    c.Namespace: namespace,
    c.Rename: rename,
    c.Select: select,
    c.Status: status,
    c.Subscribe: subscribe,
    c.Unsubscribe: unsubscribe,
}
