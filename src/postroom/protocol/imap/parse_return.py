"""Reading the options of RETURN, before what is searched for (RFC 4466 §2.6.1)."""

from typing import Final

import msgspec

from postroom.protocol.imap.esearch import Returns
from postroom.protocol.imap.tokens import BadSyntax, Reader

_OPTIONS: Final[dict[bytes, dict[str, bool]]] = {
    b"ALL": {"everything": True},
    b"COUNT": {"count": True},
    b"MAX": {"maximum": True},
    b"MIN": {"minimum": True},
    b"SAVE": {"save": True},
}


def read_returns(reader: Reader) -> Returns | None:
    """Read ``RETURN (..)`` with the space behind it; None when it is not there.

    An empty list is the same as ALL (RFC 4731 §3.1).
    """
    if reader.data[reader.at : reader.at + 7].upper() != b"RETURN ":
        return None
    reader.at += 7
    reader.expect(b"(")
    returns = Returns()
    while not reader.skip(b")"):
        if returns != Returns():
            reader.space()
        returns = _with_option(reader, returns)
    reader.space()
    return Returns(everything=True) if returns == Returns() else returns


def _with_option(reader: Reader, returns: Returns) -> Returns:
    option = _OPTIONS.get(reader.word())
    if option is None:
        raise BadSyntax("There is no such RETURN option")
    return msgspec.structs.replace(returns, **option)
