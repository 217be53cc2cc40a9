"""What a server says: strings that nothing can break out of, and answers with their codes.

RFC 5804 §1.2 (strings), §1.3 (response codes), §4.
"""

import base64
from collections.abc import Iterable
from typing import Final

MAX_QUOTED: Final = 1024  # octets, RFC 5804 §4
_UNQUOTABLE: Final = frozenset(b"\r\n\0")


def string(octets: bytes) -> bytes:
    """Quoted where that can be, else a literal."""
    if len(octets) <= MAX_QUOTED and _UNQUOTABLE.isdisjoint(octets):
        return b'"' + octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
    return literal(octets)


def literal(octets: bytes) -> bytes:
    """``{5}`` CRLF and the octets."""
    return b"{%d}\r\n%b" % (len(octets), octets)


def answer(word: str, text: str = "", code: bytes = b"") -> bytes:
    """OK, NO or BYE with a text for a person and a code for a program, each if there is one."""
    parts = [word.encode("ascii")]
    if code:
        parts.append(b"(" + code + b")")
    if text:
        parts.append(string(text.encode("utf-8", "replace")))
    return b" ".join(parts) + b"\r\n"


def challenge(octets: bytes) -> bytes:
    """A SASL challenge on a line of its own (RFC 5804 §2.1)."""
    return string(base64.b64encode(octets)) + b"\r\n"


def sasl_code(octets: bytes) -> bytes:
    """What the mechanism says last, with the OK (RFC 5804 §1.3 SASL)."""
    return b"SASL " + string(base64.b64encode(octets))


def tag_code(tag: bytes) -> bytes:
    """The tag of NOOP (RFC 5804 §2.13)."""
    return b"TAG " + string(tag)


def scripts(found: Iterable[tuple[str, bool]]) -> bytes:
    """The lines of LISTSCRIPTS: names, and which of them is active (RFC 5804 §2.7)."""
    return b"".join(
        string(name.encode()) + (b" ACTIVE" if is_active else b"") + b"\r\n"
        for name, is_active in found
    )
