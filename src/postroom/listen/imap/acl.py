"""Access control lists of mailboxes: SETACL, DELETEACL, GETACL, LISTRIGHTS, MYRIGHTS.

RFC 4314. A right that does not exist is BAD; whoever may not know of a mailbox is told that
there is none.
"""

from typing import Final

from postroom.access import rights as letters
from postroom.access.acl import AccessList
from postroom.access.rights import Rights
from postroom.errors import Invalid
from postroom.listen.imap.conversation import Conversation
from postroom.listen.imap.handlers import Handlers
from postroom.listen.imap.listing import rights_line
from postroom.protocol.imap import commands as c
from postroom.protocol.imap.responses import mailbox_name, string
from postroom.protocol.imap.tokens import BadSyntax


async def set_acl(talk: Conversation, command: c.SetAcl) -> None:
    """SETACL, RFC 4314 §3.1."""
    try:
        rights = letters.parse(command.rights)
    except Invalid as error:
        raise BadSyntax(str(error)) from None
    found = await _list(talk, command.mailbox)
    await found.change(command.identifier, command.action, rights)
    await talk.report()
    talk.session.finish("OK", "Changed")


async def delete_acl(talk: Conversation, command: c.DeleteAcl) -> None:
    """DELETEACL, RFC 4314 §3.2."""
    found = await _list(talk, command.mailbox)
    await found.change(command.identifier, "replace", frozenset())
    await talk.report()
    talk.session.finish("OK", "Deleted")


async def get_acl(talk: Conversation, command: c.GetAcl) -> None:
    """GETACL, RFC 4314 §3.3."""
    entries = await (await _list(talk, command.mailbox)).entries()
    words = [b"* ACL", _name(talk, command.mailbox)]
    for identifier, rights in entries:
        words += [string(identifier.encode()), _written(rights)]
    talk.session.untagged(b" ".join(words) + b"\r\n")
    await talk.report()
    talk.session.finish("OK", "Done")


async def list_rights(talk: Conversation, command: c.ListRights) -> None:
    """LISTRIGHTS, RFC 4314 §3.4: no rights are tied to each other."""
    found = await _list(talk, command.mailbox)
    required, optional = await found.grantable(command.identifier)
    words = [
        b"* LISTRIGHTS",
        _name(talk, command.mailbox),
        string(command.identifier.encode()),
        _written(required),
        *(letter.encode("ascii") for letter in letters.with_obsolete(optional)),
    ]
    talk.session.untagged(b" ".join(words) + b"\r\n")
    await talk.report()
    talk.session.finish("OK", "Done")


async def my_rights(talk: Conversation, command: c.MyRights) -> None:
    """MYRIGHTS, RFC 4314 §3.5."""
    place = await talk.places.get(command.mailbox)
    talk.session.untagged(rights_line(talk, command.mailbox, place.rights))
    await talk.report()
    talk.session.finish("OK", "Done")


async def _list(talk: Conversation, mailbox: str) -> AccessList:
    services = talk.services
    place = await talk.places.get(mailbox)
    return AccessList(place, services.sharing, may_open=services.may_open)


def _name(talk: Conversation, mailbox: str) -> bytes:
    return mailbox_name(mailbox, utf8=talk.session.modes.utf8)


def _written(rights: Rights) -> bytes:
    return letters.with_obsolete(rights).encode("ascii") or b'""'


HANDLERS: Final[Handlers] = {
    c.DeleteAcl: delete_acl,
    c.GetAcl: get_acl,
    c.ListRights: list_rights,
    c.MyRights: my_rights,
    c.SetAcl: set_acl,
}
