"""Reading the options of RETURN, before what is searched for (RFC 4466 §2.6.1)."""

import re
from typing import Final

import msgspec

from postroom.protocol.imap.esearch import Partial, Returns
from postroom.protocol.imap.fetch import FetchItem
from postroom.protocol.imap.parse_fetch import parse_fetch_items
from postroom.protocol.imap.sets import MAX_NUMBER
from postroom.protocol.imap.tokens import BadSyntax, Reader

_FLAGS: Final[dict[bytes, str]] = {
    b"ALL": "everything",
    b"COUNT": "count",
    b"MAX": "maximum",
    b"MIN": "minimum",
    b"SAVE": "save",
}
_RANGE: Final = re.compile(rb"(-?)([1-9][0-9]{0,9}):(-?)([1-9][0-9]{0,9})")


def read_returns(reader: Reader) -> Returns | None:
    """Read ``RETURN (..)`` with the space behind it; None when it is not there.

    An empty list is the same as ALL (RFC 4731 §3.1); CONTEXT is a hint that changes
    nothing (RFC 5267 §4.2).
    """
    if reader.data[reader.at : reader.at + 7].upper() != b"RETURN ":
        return None
    reader.at += 7
    reader.expect(b"(")
    returns = Returns()
    if not reader.skip(b")"):
        returns = _with_option(reader, returns)
        while not reader.skip(b")"):
            reader.space()
            returns = _with_option(reader, returns)
    reader.space()
    if returns.partial is not None and returns.everything:
        raise BadSyntax("PARTIAL and ALL can't be asked for together")  # RFC 9394 §3.1
    return Returns(everything=True) if returns == Returns() else returns


def read_partial(reader: Reader) -> Partial:
    """Read the argument of PARTIAL, with the space before it (RFC 9394 §4)."""
    reader.space()
    found = _RANGE.match(reader.data, reader.at)
    if found is None or found[1] != found[3]:
        raise BadSyntax("Expected a range like 1:100 or -1:-100")
    reader.at = found.end()
    first, last = int(found[2]), int(found[4])
    if max(first, last) > MAX_NUMBER:
        raise BadSyntax("The number is too large")
    return Partial(-first, -last) if found[1] else Partial(first, last)


def _with_option(reader: Reader, returns: Returns) -> Returns:
    name = reader.word()
    flag = _FLAGS.get(name)
    if flag is not None:
        return msgspec.structs.replace(returns, **{flag: True})
    if name == b"PARTIAL" and returns.partial is None:
        return msgspec.structs.replace(returns, partial=read_partial(reader))
    if name == b"UPDATE" and not returns.update:
        items: tuple[FetchItem, ...] = ()
        if reader.data.startswith(b" (", reader.at):
            reader.at += 1
            items = parse_fetch_items(reader)
        return msgspec.structs.replace(returns, update=True, items=items)
    if name == b"CONTEXT":
        return returns
    raise BadSyntax("This RETURN option is unknown or stands twice")
