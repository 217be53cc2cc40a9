"""Reading one whole command: tag, name, arguments.

``split`` finds tag and name; ``parse_arguments`` reads the rest. Raises ``BadSyntax``
(answered BAD) or ``Unusable`` (answered NO), never anything else. The octets hold the
literals in place; ``input`` has bounded them before.

RFC 3501 §9, RFC 4315 (UIDPLUS), RFC 6851 (MOVE), RFC 2971 (ID), RFC 5161 (ENABLE),
RFC 6154 (SPECIAL-USE), RFC 4959 (SASL-IR).
"""

import binascii
from collections.abc import Callable, Mapping
from typing import Final

from postroom.protocol.imap import commands
from postroom.protocol.imap.commands import Command
from postroom.protocol.imap.dates import BadDate, parse_date_time
from postroom.protocol.imap.flags import read_flag_list, read_flags
from postroom.protocol.imap.names import BadName, decode_name
from postroom.protocol.imap.parse_fetch import parse_fetch_items
from postroom.protocol.imap.parse_list import parse_list, parse_lsub
from postroom.protocol.imap.parse_search import parse_search, read_set
from postroom.protocol.imap.tokens import (
    LITERAL,
    MAX_TAG,
    TAG,
    BadSyntax,
    Reader,
    Unusable,
)

MAX_ID_FIELDS: Final = 30  # RFC 2971 §3.3
STATUS_ITEMS: Final = frozenset(
    (b"MESSAGES", b"RECENT", b"UIDNEXT", b"UIDVALIDITY", b"UNSEEN", b"SIZE", b"DELETED")
)

Parse = Callable[[Reader], Command]


def split(data: bytes) -> tuple[bytes, bytes, Reader]:
    """Tag, name in upper case, and the place behind them. The tag is b"" when it is bad."""
    reader = Reader(data)
    tag = reader.take(TAG) or b""
    if not tag or len(tag) > MAX_TAG or not reader.skip(b" "):
        return b"", b"", reader
    name = (reader.take(TAG) or b"").upper()
    return tag, name, reader


def parse_arguments(name: bytes, reader: Reader) -> Command:
    """Read what follows the name, up to the end."""
    constant = _CONSTANT.get(name)
    if constant is not None:
        reader.end()
        return constant
    parse = _PARSERS.get(name)
    if parse is None:
        raise BadSyntax("Unknown command")
    reader.space()
    command = parse(reader)
    reader.end()
    return command


def parse_append(reader: Reader) -> commands.Append:
    """Read APPEND up to the head of its message literal, which ends the octets.

    ``CutLiteral`` says that the last literal is the mailbox name, not yet the message.
    """
    reader.space()
    mailbox = read_mailbox(reader)
    reader.space()
    flags, keywords = 0, frozenset[str]()
    if reader.peek(b"("):
        flags, keywords = read_flag_list(reader)
        reader.space()
    received: int | None = None
    if reader.peek(b'"'):
        try:
            received = parse_date_time(reader.string())
        except BadDate as error:
            raise BadSyntax(f"Bad date: {error}") from None
        reader.space()
    match = LITERAL.match(reader.data, reader.at)
    if match is None or match.end() != len(reader.data):
        raise BadSyntax("Expected a literal with the message")
    return commands.Append(
        mailbox, flags, keywords, received, int(match[1]), not match[0].endswith(b"+}\r\n")
    )


def read_mailbox(reader: Reader) -> str:
    """A mailbox name; ``NO [CANNOT]`` when it is no modified UTF-7."""
    octets = reader.astring()
    try:
        return decode_name(octets)
    except BadName as error:
        raise Unusable(b"CANNOT", f"Bad mailbox name: {error}") from None


def _append(_: Reader) -> Command:
    raise BadSyntax("APPEND needs a literal with the message")


def _login(reader: Reader) -> Command:
    login = reader.astring()
    reader.space()
    return commands.Login(login, reader.astring())


def _authenticate(reader: Reader) -> Command:
    mechanism = reader.word().decode("ascii")
    if not reader.skip(b" "):
        return commands.Authenticate(mechanism)
    initial = reader.data[reader.at :]
    reader.at = len(reader.data)
    return commands.Authenticate(mechanism, decode_initial(initial))


def decode_initial(text: bytes) -> bytes:
    """RFC 4959 §3: base64, ``=`` alone is an empty response."""
    if text == b"=":
        return b""
    if not text:
        raise BadSyntax("The initial response is missing")
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except (binascii.Error, ValueError):
        raise BadSyntax("The initial response is no base64") from None


def _mailbox(kind: Callable[[str], Command]) -> Parse:
    return lambda reader: kind(read_mailbox(reader))


def _create(reader: Reader) -> Command:
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


def _rename(reader: Reader) -> Command:
    mailbox = read_mailbox(reader)
    reader.space()
    return commands.Rename(mailbox, read_mailbox(reader))


def _status(reader: Reader) -> Command:
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


def _enable(reader: Reader) -> Command:
    names = [reader.word()]
    while reader.skip(b" "):
        names.append(reader.word())
    return commands.Enable(tuple(names))


def _id(reader: Reader) -> Command:
    if reader.data[reader.at :].upper() == b"NIL":
        reader.at = len(reader.data)
        return commands.Id()
    reader.expect(b"(")
    fields: list[tuple[bytes, bytes | None]] = []
    while not reader.skip(b")"):
        if fields:
            reader.space()
        name = reader.string()
        reader.space()
        fields.append((name, reader.nstring()))
        if len(fields) > MAX_ID_FIELDS:
            raise BadSyntax("Too many fields")
    return commands.Id(tuple(fields))


def _fetch(reader: Reader, *, by_uid: bool) -> Command:
    ranges = read_set(reader)
    reader.space()
    return commands.Fetch(ranges, parse_fetch_items(reader), by_uid)


_ACTIONS: Final[Mapping[bytes, tuple[commands.Action, bool]]] = {
    b"FLAGS": ("replace", False),
    b"FLAGS.SILENT": ("replace", True),
    b"+FLAGS": ("add", False),
    b"+FLAGS.SILENT": ("add", True),
    b"-FLAGS": ("remove", False),
    b"-FLAGS.SILENT": ("remove", True),
}


def _store(reader: Reader, *, by_uid: bool) -> Command:
    ranges = read_set(reader)
    reader.space()
    action = _ACTIONS.get(reader.word())
    if action is None:
        raise BadSyntax("Expected FLAGS, +FLAGS or -FLAGS")
    reader.space()
    flags, keywords = read_flag_list(reader) if reader.peek(b"(") else read_flags(reader)
    return commands.Store(ranges, action[0], flags, keywords, action[1], by_uid)


def _copy(reader: Reader, *, by_uid: bool) -> Command:
    ranges = read_set(reader)
    reader.space()
    return commands.Copy(ranges, read_mailbox(reader), by_uid)


def _move(reader: Reader, *, by_uid: bool) -> Command:
    ranges = read_set(reader)
    reader.space()
    return commands.Move(ranges, read_mailbox(reader), by_uid)


def _search(reader: Reader, *, by_uid: bool) -> Command:
    return commands.Search(parse_search(reader), by_uid)


def _uid(reader: Reader) -> Command:
    name = reader.word()
    reader.space()
    if name == b"EXPUNGE":
        return commands.Expunge(read_set(reader))
    parse = _NUMBERED.get(name)
    if parse is None:
        raise BadSyntax("Unknown command")
    return parse(reader, by_uid=True)


_NUMBERED: Final = {
    b"COPY": _copy,
    b"FETCH": _fetch,
    b"MOVE": _move,
    b"SEARCH": _search,
    b"STORE": _store,
}

_CONSTANT: Final[dict[bytes, Command]] = {
    b"CAPABILITY": commands.Capability(),
    b"CHECK": commands.Check(),
    b"CLOSE": commands.Close(),
    b"EXPUNGE": commands.Expunge(),
    b"IDLE": commands.Idle(),
    b"LOGOUT": commands.Logout(),
    b"NAMESPACE": commands.Namespace(),
    b"NOOP": commands.Noop(),
    b"STARTTLS": commands.StartTls(),
    b"UNSELECT": commands.Unselect(),
}

_PARSERS: Final[dict[bytes, Parse]] = {
    b"APPEND": _append,
    b"AUTHENTICATE": _authenticate,
    b"COPY": lambda reader: _copy(reader, by_uid=False),
    b"CREATE": _create,
    b"DELETE": _mailbox(commands.Delete),
    b"ENABLE": _enable,
    b"EXAMINE": _mailbox(commands.Examine),
    b"FETCH": lambda reader: _fetch(reader, by_uid=False),
    b"ID": _id,
    b"LIST": parse_list,
    b"LOGIN": _login,
    b"LSUB": parse_lsub,
    b"MOVE": lambda reader: _move(reader, by_uid=False),
    b"RENAME": _rename,
    b"SEARCH": lambda reader: _search(reader, by_uid=False),
    b"SELECT": _mailbox(commands.Select),
    b"STATUS": _status,
    b"STORE": lambda reader: _store(reader, by_uid=False),
    b"SUBSCRIBE": _mailbox(commands.Subscribe),
    b"UID": _uid,
    b"UNSUBSCRIBE": _mailbox(commands.Unsubscribe),
}
