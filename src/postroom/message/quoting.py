r"""Octets as IMAP strings that can stand in any response.

A quoted string is 7-bit without CR, LF and NUL; whatever else there is goes out as a
literal. NUL can stand in neither and is dropped.

RFC 3501 §4.3 (string), §9 (quoted, literal, nstring).
"""

from typing import Final

NIL: Final = b"NIL"
MAX_QUOTED: Final = 1000  # octets; longer ones are literals, some clients bound their lines


def string(octets: bytes) -> bytes:
    """A quoted string where that is allowed, else a literal."""
    if b"\0" in octets:
        octets = octets.replace(b"\0", b"")
    if not octets.isascii() or len(octets) > MAX_QUOTED or b"\n" in octets or b"\r" in octets:
        return b"{%d}\r\n%b" % (len(octets), octets)
    if b"\\" in octets:
        octets = octets.replace(b"\\", b"\\\\")
    if b'"' in octets:
        octets = octets.replace(b'"', b'\\"')
    return b'"%b"' % octets


def nstring(octets: bytes | None) -> bytes:
    """NIL for None."""
    return NIL if octets is None else string(octets)
