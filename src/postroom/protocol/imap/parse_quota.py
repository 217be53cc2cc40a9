"""Reading GETQUOTA, GETQUOTAROOT and SETQUOTA (RFC 9208 §4.1, §7)."""

from typing import Final

from postroom.protocol.imap import commands
from postroom.protocol.imap.commands import Command
from postroom.protocol.imap.tokens import MAX_NUMBER64, BadSyntax, Reader

MAX_ROOT: Final = 1024  # octets


def parse_getquota(reader: Reader) -> Command:
    """RFC 9208 §4.1.1."""
    return commands.GetQuota(_root(reader))


def parse_setquota(reader: Reader) -> Command:
    """RFC 9208 §4.1.3."""
    root = _root(reader)
    reader.space()
    reader.expect(b"(")
    limits: dict[bytes, int] = {}
    while not reader.skip(b")"):
        if limits:
            reader.space()
        resource = reader.word()
        if resource in limits:
            raise BadSyntax("A resource stands there twice")
        reader.space()
        limits[resource] = reader.number(MAX_NUMBER64)
    return commands.SetQuota(root, tuple(limits.items()))


def _root(reader: Reader) -> str:
    octets = reader.astring()
    try:
        root = octets.decode()
    except UnicodeDecodeError:
        raise BadSyntax("The quota root is no UTF-8") from None
    if len(octets) > MAX_ROOT:
        raise BadSyntax("The quota root is too long")
    return root
