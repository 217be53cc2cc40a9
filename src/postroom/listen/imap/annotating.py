"""GETMETADATA and SETMETADATA (RFC 5464)."""

from typing import Final

from postroom.access.annotations import Annotations
from postroom.listen.imap.conversation import Conversation
from postroom.listen.imap.handlers import Handlers
from postroom.protocol.imap import commands as c
from postroom.protocol.imap.metadata import metadata_line
from postroom.store.uses import ENTRY


async def get_metadata(talk: Conversation, command: c.GetMetadata) -> None:
    """GETMETADATA, RFC 5464 §4.2."""
    found = await annotations_of(talk).find(
        command.mailbox, command.entries, command.depth, command.max_size
    )
    if found.entries:
        utf8 = talk.session.modes.utf8
        talk.session.untagged(metadata_line(command.mailbox, found.entries, utf8=utf8))
    await talk.report()
    code = b"METADATA LONGENTRIES %d" % found.longest if found.longest else b""
    talk.session.finish("OK", "Done", code)


async def set_metadata(talk: Conversation, command: c.SetMetadata) -> None:
    """SETMETADATA, RFC 5464 §4.3; who loses a special use is told (RFC 6154 §5.4)."""
    written = await annotations_of(talk).change(command.mailbox, command.values)
    utf8 = talk.session.modes.utf8
    for mailbox in written.losers:
        value = mailbox.special_use.encode("ascii") if mailbox.special_use else None
        talk.session.untagged(metadata_line(mailbox.name, [(ENTRY, value)], utf8=utf8))
    talk.know_annotations(written.modseqs)
    await talk.report()
    talk.session.finish("OK", "Set")


def annotations_of(talk: Conversation) -> Annotations:
    """What the person may do with annotations."""
    return Annotations(talk.person, talk.services.store, talk.places)


HANDLERS: Final[Handlers] = {
    c.GetMetadata: get_metadata,
    c.SetMetadata: set_metadata,
}
