"""Reading GETMETADATA and SETMETADATA (RFC 5464 §5)."""

from typing import Final

from postroom.protocol.imap.commands import GetMetadata, SetMetadata
from postroom.protocol.imap.metadata import BadEntry, Depth, checked, is_top
from postroom.protocol.imap.parse_mailbox import read_mailbox
from postroom.protocol.imap.tokens import LITERAL8, BadSyntax, CutLiteral, Reader

MAX_ENTRIES: Final = 100  # of one command

_DEPTHS: Final[dict[bytes, Depth]] = {b"0": "0", b"1": "1", b"INFINITY": "infinity"}


def parse_getmetadata(reader: Reader) -> GetMetadata:
    """§4.2: options before the mailbox, as the grammar says, or behind it, as examples do."""
    max_size: int | None = None
    depth: Depth | None = None
    if reader.peek(b"("):
        max_size, depth = _options(reader)
        reader.space()
    mailbox = _mailbox(reader)
    reader.space()
    if reader.peek(b"(") and not reader.peek(b"(/") and not reader.peek(b'("'):
        if max_size is not None or depth is not None:
            raise BadSyntax("The options stand there already")
        max_size, depth = _options(reader)
        reader.space()
    return GetMetadata(mailbox, read_entries(reader), max_size, depth or "0")


def parse_setmetadata(reader: Reader) -> SetMetadata:
    """§4.3."""
    mailbox = _mailbox(reader)
    reader.space()
    reader.expect(b"(")
    values: list[tuple[str, bytes | None]] = []
    while not values or not reader.skip(b")"):
        if values:
            reader.space()
        name = read_entry(reader)
        if is_top(name):
            raise BadSyntax("This is no entry, but the top of all of them")
        reader.space()
        values.append((name, _value(reader)))
        if len(values) > MAX_ENTRIES:
            raise BadSyntax("Too many entries")
    if len({name.lower() for name, _ in values}) < len(values):
        raise BadSyntax("An entry stands there twice")
    return SetMetadata(mailbox, tuple(values))


def read_entries(reader: Reader) -> tuple[str, ...]:
    """One entry, or several with or without parentheses (§4.4.1 has examples of that)."""
    is_list = reader.skip(b"(")
    entries = [read_entry(reader)]
    while not (reader.skip(b")") if is_list else reader.at_end):
        reader.space()
        entries.append(read_entry(reader))
        if len(entries) > MAX_ENTRIES:
            raise BadSyntax("Too many entries")
    return tuple(entries)


def _mailbox(reader: Reader) -> str:
    """A mailbox, "" for the server."""
    if reader.skip(b'""'):
        return ""
    return read_mailbox(reader)


def _options(reader: Reader) -> tuple[int | None, Depth | None]:
    reader.expect(b"(")
    max_size: int | None = None
    depth: Depth | None = None
    while True:
        option = reader.word()
        reader.space()
        if option == b"MAXSIZE" and max_size is None:
            max_size = reader.number()
        elif option == b"DEPTH" and depth is None:
            depth = _DEPTHS.get(reader.word())
            if depth is None:
                raise BadSyntax("DEPTH is 0, 1 or infinity")
        else:
            raise BadSyntax("This option can't be used here")
        if reader.skip(b")"):
            return max_size, depth
        reader.space()


def read_entry(reader: Reader) -> str:
    """The name of an entry."""
    try:
        return checked(reader.astring())
    except BadEntry as error:
        raise BadSyntax(str(error)) from None


def _value(reader: Reader) -> bytes | None:
    """A string, NIL, or a literal8, in which NUL may stand."""
    match = LITERAL8.match(reader.data, reader.at)
    if match is None:
        return reader.nstring()
    start = match.end()
    end = start + int(match[1])
    if end > len(reader.data):
        raise CutLiteral("The literal is cut")
    reader.at = end
    return reader.data[start:end]
