"""Reading one whole command: tag, name, arguments.

``split`` finds tag and name; ``parse_arguments`` reads the rest. Raises ``BadSyntax``
(answered BAD) or ``Unusable`` (answered NO), never anything else. The octets hold the
literals in place; ``input`` has bounded them before.

RFC 3501 §9, RFC 4315 (UIDPLUS), RFC 6851 (MOVE), RFC 2971 (ID), RFC 5161 (ENABLE),
RFC 6154 (SPECIAL-USE), RFC 4959 (SASL-IR).
"""

import binascii
from collections.abc import Callable
from typing import Final

from postroom.protocol.imap import commands
from postroom.protocol.imap.commands import Command
from postroom.protocol.imap.modes import Modes
from postroom.protocol.imap.parse_acl import parse_deleteacl, parse_listrights, parse_setacl
from postroom.protocol.imap.parse_list import parse_list, parse_lsub
from postroom.protocol.imap.parse_mailbox import (
    parse_create,
    parse_named,
    parse_rename,
    parse_select,
    parse_status,
)
from postroom.protocol.imap.parse_message import (
    parse_copy,
    parse_fetch,
    parse_move,
    parse_search,
    parse_store,
    parse_uid,
)
from postroom.protocol.imap.parse_metadata import parse_getmetadata, parse_setmetadata
from postroom.protocol.imap.parse_notify import parse_notify
from postroom.protocol.imap.parse_quota import parse_getquota, parse_setquota
from postroom.protocol.imap.parse_sort import parse_sort, parse_thread
from postroom.protocol.imap.parse_urlauth import (
    parse_genurlauth,
    parse_resetkey,
    parse_urlfetch,
)
from postroom.protocol.imap.tokens import MAX_TAG, TAG, BadSyntax, Reader, UidRequired

MAX_LANGUAGES: Final = 30
MAX_ID_FIELDS: Final = 30  # RFC 2971 §3.3

Parse = Callable[[Reader], Command]


def split(data: bytes, modes: Modes | None = None) -> tuple[bytes, bytes, Reader]:
    """Tag, name in upper case, and the place behind them. The tag is b"" when it is bad."""
    reader = Reader(data, modes)
    tag = reader.take(TAG) or b""
    if not tag or len(tag) > MAX_TAG or not reader.skip(b" "):
        return b"", b"", reader
    name = (reader.take(TAG) or b"").upper()
    return tag, name, reader


def parse_arguments(name: bytes, reader: Reader) -> Command:
    """Read what follows the name, up to the end."""
    constant = _CONSTANT.get(name)
    parse = _PARSERS.get(name)
    if constant is not None and (reader.at_end or parse is None):
        reader.end()
        return constant
    if parse is None:
        raise BadSyntax("Unknown command")
    if reader.modes.uidonly and name in _NUMBERED:
        raise UidRequired
    reader.space()
    command = parse(reader)
    reader.end()
    return command


def _append(_: Reader) -> Command:
    raise BadSyntax("The command needs a literal with the message")


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


def _enable(reader: Reader) -> Command:
    names = [reader.word()]
    while reader.skip(b" "):
        names.append(reader.word())
    return commands.Enable(tuple(names))


def _cancel_update(reader: Reader) -> Command:
    tags = [reader.string()]
    while reader.skip(b" "):
        tags.append(reader.string())
    return commands.CancelUpdate(tuple(tags))


def _compress(reader: Reader) -> Command:
    return commands.Compress(reader.word())


def _language(reader: Reader) -> Command:
    ranges = [_language_range(reader)]
    while reader.skip(b" "):
        ranges.append(_language_range(reader))
        if len(ranges) > MAX_LANGUAGES:
            raise BadSyntax("Too many languages")
    return commands.Language(tuple(ranges))


def _language_range(reader: Reader) -> str:
    text = reader.astring()
    if not text.isascii():
        raise BadSyntax("A language is named in ASCII")
    return text.decode("ascii")


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


# What takes or answers message numbers when UID does not stand before it.
_NUMBERED: Final = frozenset((b"COPY", b"FETCH", b"MOVE", b"SEARCH", b"SORT", b"STORE", b"THREAD"))

_CONSTANT: Final[dict[bytes, Command]] = {
    b"CAPABILITY": commands.Capability(),
    b"CHECK": commands.Check(),
    b"CLOSE": commands.Close(),
    b"EXPUNGE": commands.Expunge(),
    b"IDLE": commands.Idle(),
    b"LANGUAGE": commands.Language(),
    b"LOGOUT": commands.Logout(),
    b"NAMESPACE": commands.Namespace(),
    b"NOOP": commands.Noop(),
    b"RESETKEY": commands.ResetKey(),
    b"STARTTLS": commands.StartTls(),
    b"UNAUTHENTICATE": commands.Unauthenticate(),
    b"UNSELECT": commands.Unselect(),
}

_PARSERS: Final[dict[bytes, Parse]] = {
    b"APPEND": _append,
    b"AUTHENTICATE": _authenticate,
    b"CANCELUPDATE": _cancel_update,
    b"COMPRESS": _compress,
    b"COPY": parse_copy,
    b"CREATE": parse_create,
    b"DELETE": parse_named(commands.Delete),
    b"DELETEACL": parse_deleteacl,
    b"ENABLE": _enable,
    b"EXAMINE": parse_select(commands.Examine),
    b"FETCH": parse_fetch,
    b"GENURLAUTH": parse_genurlauth,
    b"GETACL": parse_named(commands.GetAcl),
    b"GETMETADATA": parse_getmetadata,
    b"GETQUOTA": parse_getquota,
    b"GETQUOTAROOT": parse_named(commands.GetQuotaRoot),
    b"ID": _id,
    b"LANGUAGE": _language,
    b"LIST": parse_list,
    b"LISTRIGHTS": parse_listrights,
    b"LOGIN": _login,
    b"LSUB": parse_lsub,
    b"MOVE": parse_move,
    b"MYRIGHTS": parse_named(commands.MyRights),
    b"NOTIFY": parse_notify,
    b"RENAME": parse_rename,
    b"REPLACE": _append,
    b"RESETKEY": parse_resetkey,
    b"SEARCH": parse_search,
    b"SELECT": parse_select(commands.Select),
    b"SETACL": parse_setacl,
    b"SETMETADATA": parse_setmetadata,
    b"SETQUOTA": parse_setquota,
    b"SORT": parse_sort,
    b"STATUS": parse_status,
    b"STORE": parse_store,
    b"SUBSCRIBE": parse_named(commands.Subscribe),
    b"THREAD": parse_thread,
    b"UID": parse_uid,
    b"URLFETCH": parse_urlfetch,
    b"UNSUBSCRIBE": parse_named(commands.Unsubscribe),
}
