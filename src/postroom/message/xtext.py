r"""xtext and its kin: addresses and identifiers inside SMTP parameters and reports.

``decode`` and ``original_recipient`` take whatever stands in a parameter and never raise:
an escape that is none stays as it is, octets that are no UTF-8 and code points that are no
characters become U+FFFD. What comes out may hold control characters; who writes it into a
line cleans it.

RFC 3461 §4 (xtext: ``+2B`` is a plus sign), §4.2 (ORCPT), §4.4 (ENVID);
RFC 6533 §3 (``utf-8-addr-xtext``: ``\x{E9}`` is an e with an acute accent).
"""

import re
from typing import Final

import msgspec

UTF8: Final = "utf-8"  # the address type of RFC 6533
RFC822: Final = "rfc822"

_ESCAPES: Final = re.compile(r"(?:\+[0-9A-F]{2})++")
_POINT: Final = re.compile(r"\\x\{([0-9A-F]{2,6})\}")
_OUTSIDE_QCHAR: Final = re.compile(r"[^!-*,-<>-\[\]-~]")
_TYPE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*+")


class Original(msgspec.Struct, frozen=True):
    """An original recipient: the address type in lower case, and the address decoded."""

    kind: str
    address: str

    def __str__(self) -> str:
        return f"{self.kind};{self.address}"


def decode(text: str) -> str:
    """The text behind xtext."""
    return _ESCAPES.sub(_unescaped, text)


def encode_utf8(text: str) -> str:
    """An address as ``utf-8-addr-xtext``: ASCII only, for every server."""
    return _OUTSIDE_QCHAR.sub(_point, text)


def decode_utf8(text: str) -> str:
    r"""The address behind any of the forms of RFC 6533 §3; xtext is undone first."""
    return _POINT.sub(_character, decode(text))


def original_recipient(orcpt: str) -> Original:
    """What an ORCPT parameter says. Without a type it is an rfc822 address."""
    kind, semicolon, address = orcpt.partition(";")
    if not semicolon or not _TYPE.fullmatch(kind):
        return Original(RFC822, decode(orcpt))
    kind = kind.lower()
    return Original(kind, decode_utf8(address) if kind == UTF8 else decode(address))


def _unescaped(found: re.Match[str]) -> str:
    return bytes.fromhex(found[0].replace("+", "")).decode("utf-8", "replace")


def _point(found: re.Match[str]) -> str:
    point = ord(found[0])
    return "\\x{%02X}" % (0xFFFD if 0xD800 <= point <= 0xDFFF else point)


def _character(found: re.Match[str]) -> str:
    point = int(found[1], 16)
    return "\ufffd" if point > 0x10FFFF or 0xD800 <= point <= 0xDFFF else chr(point)
