"""Reading commands about mailboxes as wholes: SELECT, CREATE, RENAME, STATUS and their like.

RFC 3501 §6.3, §9, RFC 6154 §3 (CREATE USE), RFC 8438 (STATUS=SIZE), RFC 4466 §2.1 (SELECT
parameters), RFC 7162 (CONDSTORE, QRESYNC).
"""

from collections.abc import Callable
from typing import Final

from postroom.protocol.imap import commands
from postroom.protocol.imap.commands import Command
from postroom.protocol.imap.names import BadName, decode_name
from postroom.protocol.imap.sets import STAR, BadSet, Ranges, parse_set
from postroom.protocol.imap.tokens import SET, BadSyntax, Reader, UidRequired, Unusable

STATUS_ITEMS: Final = frozenset(
    (
        *(b"MESSAGES", b"RECENT", b"UIDNEXT", b"UIDVALIDITY", b"UNSEEN", b"SIZE", b"DELETED"),
        *(b"HIGHESTMODSEQ", b"MAILBOXID", b"APPENDLIMIT", b"DELETED-STORAGE"),
    )
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


def parse_select(kind: type[commands.Select | commands.Examine]) -> Parse:
    def read(reader: Reader) -> Command:
        mailbox = read_mailbox(reader)
        if not reader.skip(b" "):
            return kind(mailbox)
        reader.expect(b"(")
        condstore = False
        resync: commands.Resync | None = None
        while True:
            name = reader.word()
            if name == b"CONDSTORE":
                condstore = True
            elif name == b"QRESYNC" and reader.modes.qresync and resync is None:
                reader.space()
                resync = _resync(reader)
            else:
                raise BadSyntax("This parameter can't be used here")
            if reader.skip(b")"):
                return kind(mailbox, condstore, resync)
            reader.space()

    return read


def _resync(reader: Reader) -> commands.Resync:
    """RFC 7162 §7 select-param, behind ``QRESYNC ``."""
    reader.expect(b"(")
    uidvalidity = reader.number()
    reader.space()
    modseq = reader.modseq()
    known: Ranges | None = None
    numbers: Ranges = ()
    uids: Ranges = ()
    if reader.skip(b" "):
        if not reader.peek(b"("):
            known = _plain_set(reader)
        if known is None or reader.skip(b" "):
            reader.expect(b"(")
            if reader.modes.uidonly:
                raise UidRequired
            numbers = _plain_set(reader)
            reader.space()
            uids = _plain_set(reader)
            reader.expect(b")")
    reader.expect(b")")
    return commands.Resync(uidvalidity, modseq, known, numbers, uids)


def _plain_set(reader: Reader) -> Ranges:
    """A set of numbers; "*" can't stand in it."""
    try:
        ranges = parse_set(reader.take(SET) or b"")
    except BadSet as error:
        raise BadSyntax(f"Bad set: {error}") from None
    if any(high == STAR for _, high in ranges):
        raise BadSyntax("* can't stand in this set")
    return ranges


def parse_create(reader: Reader) -> Command:
    mailbox = read_mailbox(reader)
    if not reader.skip(b" "):
        return commands.Create(mailbox)
    reader.expect(b"(")
    if reader.word() != b"USE":
        raise BadSyntax("Expected USE")
    reader.space()
    reader.expect(b"(")
    uses: dict[str, None] = {}
    while not reader.skip(b")"):
        if uses:
            reader.space()
        reader.expect(b"\\")
        uses["\\" + reader.atom().decode("ascii").capitalize()] = None
    reader.expect(b")")
    return commands.Create(mailbox, tuple(uses))


def parse_rename(reader: Reader) -> Command:
    mailbox = read_mailbox(reader)
    reader.space()
    return commands.Rename(mailbox, read_mailbox(reader))


def parse_status(reader: Reader) -> Command:
    mailbox = read_mailbox(reader)
    reader.space()
    return commands.Status(mailbox, read_status_items(reader))


def read_status_items(reader: Reader) -> tuple[bytes, ...]:
    """``(MESSAGES UNSEEN)``: each item once, in the client's order."""
    reader.expect(b"(")
    items: dict[bytes, None] = {reader.word(): None}
    while not reader.skip(b")"):
        reader.space()
        items[reader.word()] = None
    if not STATUS_ITEMS.issuperset(items):
        raise BadSyntax("There is no such status item")
    return tuple(items)
