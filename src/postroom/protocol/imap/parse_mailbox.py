"""Reading commands about mailboxes as wholes: CREATE, RENAME, STATUS and their like.

RFC 3501 §6.3, §9, RFC 6154 §3 (CREATE USE), RFC 8438 (STATUS=SIZE).
"""

from collections.abc import Callable
from typing import Final

from postroom.protocol.imap import commands
from postroom.protocol.imap.commands import Command
from postroom.protocol.imap.names import BadName, decode_name
from postroom.protocol.imap.tokens import BadSyntax, Reader, Unusable

STATUS_ITEMS: Final = frozenset(
    (b"MESSAGES", b"RECENT", b"UIDNEXT", b"UIDVALIDITY", b"UNSEEN", b"SIZE", b"DELETED")
)

Parse = Callable[[Reader], Command]


def read_mailbox(reader: Reader) -> str:
    """A mailbox name; ``NO [CANNOT]`` when it is none in the client's encoding."""
    octets = reader.astring()
    try:
        return decode_name(octets, utf8=reader.modes.utf8)
    except BadName as error:
        raise Unusable(b"CANNOT", f"Bad mailbox name: {error}") from None


def parse_named(kind: Callable[[str], Command]) -> Parse:
    return lambda reader: kind(read_mailbox(reader))


def parse_create(reader: Reader) -> Command:
    mailbox = read_mailbox(reader)
    if not reader.skip(b" "):
        return commands.Create(mailbox)
    reader.expect(b"(")
    if reader.word() != b"USE":
        raise BadSyntax("Expected USE")
    reader.space()
    reader.expect(b"(")
    reader.expect(b"\\")
    special_use = "\\" + reader.atom().decode("ascii").capitalize()
    reader.expect(b")")
    reader.expect(b")")
    return commands.Create(mailbox, special_use)


def parse_rename(reader: Reader) -> Command:
    mailbox = read_mailbox(reader)
    reader.space()
    return commands.Rename(mailbox, read_mailbox(reader))


def parse_status(reader: Reader) -> Command:
    mailbox = read_mailbox(reader)
    reader.space()
    reader.expect(b"(")
    items: dict[bytes, None] = {reader.word(): None}
    while not reader.skip(b")"):
        reader.space()
        items[reader.word()] = None
    if not STATUS_ITEMS.issuperset(items):
        raise BadSyntax("There is no such status item")
    return commands.Status(mailbox, tuple(items))
