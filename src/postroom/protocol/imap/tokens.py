"""Reading the tokens of one whole command: atoms, strings, literals, numbers, lists.

A ``Reader`` walks over the octets of a command whose literals are still in place
(``{3}CRLFabc``). Each token is one match of a linear pattern; nothing is repaired and
nothing recurses. What can't be read is ``BadSyntax`` (answered BAD); what can be read
but not used is ``Unusable`` (answered NO with a response code).

RFC 3501 §4 and §9 (formal syntax), RFC 7888 (non-synchronising literals).
"""

import re
from typing import Final

from postroom.protocol.imap.modes import Modes

_ATOM_CHAR: Final = rb"\x21\x23\x24\x26\x27\x2b-\x5b\x5d-\x7a\x7c-\x7e"  # with "]"

ATOM: Final = re.compile(rb"[%s]+" % _ATOM_CHAR.replace(rb"\x5d", rb"\x5e"))
ASTRING_CHARS: Final = re.compile(rb"[%s]+" % _ATOM_CHAR)
LIST_CHARS: Final = re.compile(rb"[%s%%*]+" % _ATOM_CHAR)
TAG: Final = re.compile(rb"[%s]+" % _ATOM_CHAR.replace(rb"\x2b-", rb"\x2c-"))
NUMBER: Final = re.compile(rb"[0-9]{1,20}")
SET: Final = re.compile(rb"[0-9*:,]+")
FLAG: Final = re.compile(rb"\\?[%s]+" % _ATOM_CHAR.replace(rb"\x5d", rb"\x5e"))
QUOTED: Final = re.compile(rb'"((?:[^"\\\r\n\x00]++|\\["\\])*+)"')
LITERAL: Final = re.compile(rb"\{([0-9]{1,20})\+?\}\r\n")
LITERAL8: Final = re.compile(rb"~\{([0-9]{1,20})\+?\}\r\n")
_ESCAPE: Final = re.compile(rb"\\([\"\\])")

MAX_TAG: Final = 64
MAX_NUMBER64: Final = 0x7FFFFFFFFFFFFFFF


class BadSyntax(Exception):
    """The command breaks the grammar: answered BAD with this text and response code."""

    code = b""


class UidRequired(BadSyntax):
    """A message number, from a client that has enabled UIDONLY (RFC 9586)."""

    code = b"UIDREQUIRED"

    def __init__(self) -> None:
        super().__init__("There are no message numbers with UIDONLY, use UIDs")


class CutLiteral(BadSyntax):
    """The octets end where those of a literal begin."""


class Unusable(Exception):
    """The grammar holds, but the value can't be used: answered NO with a response code."""

    def __init__(self, code: bytes, text: str) -> None:
        super().__init__(text)
        self.code = code


class Reader:
    """A place in the octets of one command.

    ``modes`` says how the client speaks (``utf8``: what its mailbox names are written in).
    """

    __slots__ = ("at", "data", "modes")

    def __init__(self, data: bytes, modes: Modes | None = None) -> None:
        self.data = data
        self.at = 0
        self.modes = modes or Modes()

    def take(self, pattern: re.Pattern[bytes]) -> bytes | None:
        """What ``pattern`` matches here, or None (the place stays)."""
        match = pattern.match(self.data, self.at)
        if match is None:
            return None
        self.at = match.end()
        return match[0]

    def peek(self, octet: bytes) -> bool:
        """Whether this is what comes next."""
        return self.data.startswith(octet, self.at)

    def skip(self, octet: bytes) -> bool:
        """Step over ``octet`` if it is here."""
        if self.data.startswith(octet, self.at):
            self.at += len(octet)
            return True
        return False

    def expect(self, octet: bytes) -> None:
        """Step over ``octet``; its absence is BadSyntax."""
        if not self.data.startswith(octet, self.at):
            what = "a space" if octet == b" " else repr(octet.decode())
            raise BadSyntax(f"Expected {what}")
        self.at += len(octet)

    def space(self) -> None:
        """Exactly one space (RFC 3501 §9 SP)."""
        self.expect(b" ")

    @property
    def at_end(self) -> bool:
        """True when nothing is left."""
        return self.at >= len(self.data)

    def end(self) -> None:
        """Nothing may follow."""
        if self.at < len(self.data):
            raise BadSyntax("Unexpected text after the command")

    def atom(self) -> bytes:
        """RFC 3501 §9 atom."""
        found = self.take(ATOM)
        if found is None:
            raise BadSyntax("Expected an atom")
        return found

    def word(self) -> bytes:
        """An atom in upper case: a name of the protocol."""
        return self.atom().upper()

    def number(self, limit: int = 0xFFFFFFFF) -> int:
        """RFC 3501 §9 number: 32 bits unless a wider ``limit`` is given."""
        found = self.take(NUMBER)
        if found is None:
            raise BadSyntax("Expected a number")
        number = int(found)
        if number > limit:
            raise BadSyntax("The number is too large")
        return number

    def modseq(self) -> int:
        """RFC 7162 §7 mod-sequence-valzer: 63 bits."""
        return self.number(MAX_NUMBER64)

    def string(self) -> bytes:
        """A quoted string or literal."""
        found = self._string()
        if found is None:
            raise BadSyntax("Expected a string")
        return found

    def astring(self) -> bytes:
        """An atom (with ``]`` allowed), quoted string or literal."""
        found = self.take(ASTRING_CHARS)
        if found is None:
            found = self._string()
            if found is None:
                raise BadSyntax("Expected an atom or string")
        return found

    def list_pattern(self) -> bytes:
        """RFC 3501 §9 list-mailbox: an astring that may hold ``%`` and ``*``."""
        found = self.take(LIST_CHARS)
        if found is None:
            found = self._string()
            if found is None:
                raise BadSyntax("Expected a mailbox pattern")
        return found

    def nstring(self) -> bytes | None:
        """A string or NIL."""
        if self.data[self.at : self.at + 3].upper() == b"NIL":
            self.at += 3
            return None
        return self.string()

    def _string(self) -> bytes | None:
        match = QUOTED.match(self.data, self.at)
        if match is not None:
            self.at = match.end()
            text = match[1]
            if self.modes.utf8 and not _is_utf8(text):
                raise BadSyntax("A quoted string is no UTF-8")  # RFC 6855 §3
            return _ESCAPE.sub(rb"\1", text) if b"\\" in text else text
        match = LITERAL.match(self.data, self.at)
        if match is None:
            return None
        start = match.end()
        end = start + int(match[1])
        if end > len(self.data):
            raise CutLiteral("The literal is cut")
        octets = self.data[start:end]
        if b"\x00" in octets:
            raise BadSyntax("A NUL stands in the literal")  # RFC 3501 §9 CHAR8
        self.at = end
        return octets


def _is_utf8(octets: bytes) -> bool:
    try:
        octets.decode()
    except UnicodeDecodeError:
        return False
    return True
