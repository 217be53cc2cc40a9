"""Mailbox names on the wire: modified UTF-7 (RFC 3501 §5.1.3), read strictly, or UTF-8.

A name has exactly one spelling: what printable ASCII can say must not be hidden in
base64 (``&AC8-`` is no ``/``), no section may be empty or follow another one directly,
spare bits are zero, surrogates pair up. A client that has enabled UTF8=ACCEPT or IMAP4rev2
writes and reads plain UTF-8 instead, and "&" is no more than itself (RFC 6855 §3, RFC 9051
§5.1). ``INBOX`` is the same in any case.
"""

import binascii
import re
from typing import Final

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")  # RFC 6855 §3
MAX_NAME: Final = 1024  # octets of the wire form; the store has its own, smaller bound


class BadName(ValueError):
    """The octets are no name in the encoding that the client has chosen."""


def decode_name(octets: bytes, *, utf8: bool = False) -> str:
    """Read a mailbox name; raises BadName and nothing else.

    What is not ASCII is UTF-8 from any client (RFC 6855 §3).
    """
    if len(octets) > MAX_NAME:
        raise BadName("the name is too long")
    if utf8 or not octets.isascii():
        return _decode_utf8(octets)
    if any(octet < 0x20 or octet == 0x7F for octet in octets):
        raise BadName("a name holds no control characters")
    text = octets.decode("ascii")
    if "&" in text:
        text = _decode_sections(text)
    return "INBOX" + text[5:] if _is_inbox(text) else text


def encode_name(name: str, *, utf8: bool = False) -> bytes:
    """Write a mailbox name: the inverse of ``decode_name``."""
    if utf8:
        return name.encode("utf-8", "replace")
    if name.isascii() and "&" not in name and name.isprintable():
        return name.encode("ascii")
    out: list[bytes] = []
    shifted: list[str] = []
    for letter in name:
        if " " <= letter <= "~":
            if shifted:
                out.append(_section(shifted))
                shifted.clear()
            out.append(b"&-" if letter == "&" else letter.encode("ascii"))
        else:
            shifted.append(letter)
    if shifted:
        out.append(_section(shifted))
    return b"".join(out)


def _decode_utf8(octets: bytes) -> str:
    try:
        text = octets.decode()
    except UnicodeDecodeError:
        raise BadName("the name is no UTF-8") from None
    if _CONTROL.search(text):
        raise BadName("a name holds no control characters")
    return "INBOX" + text[5:] if _is_inbox(text) else text


def _is_inbox(text: str) -> bool:
    return text[:5].upper() == "INBOX" and text[5:6] in ("", "/")


def _section(letters: list[str]) -> bytes:
    octets = "".join(letters).encode("utf-16-be", "surrogatepass")
    base64 = binascii.b2a_base64(octets, newline=False).rstrip(b"=")
    return b"&" + base64.replace(b"/", b",") + b"-"


def _decode_sections(text: str) -> str:
    out: list[str] = []
    at = 0
    previous_end = -1
    while (start := text.find("&", at)) >= 0:
        end = text.find("-", start)
        if end < 0:
            raise BadName("a shifted section is not closed")
        out.append(text[at:start])
        at = end + 1
        if end == start + 1:
            out.append("&")
            continue
        if start == previous_end:
            raise BadName("two shifted sections touch")
        out.append(_decode_section(text[start + 1 : end]))
        previous_end = at
    out.append(text[at:])
    return "".join(out)


def _decode_section(base64: str) -> str:
    if "/" in base64:
        raise BadName("the shifted section is no modified base64")
    padded = base64.replace(",", "/") + "=" * (-len(base64) % 4)
    try:
        octets = binascii.a2b_base64(padded, strict_mode=True)
        letters = octets.decode("utf-16-be")
    except (binascii.Error, ValueError):
        raise BadName("the shifted section is no modified base64 of UTF-16") from None
    if not letters or any(letter <= "~" or letter == "\x7f" for letter in letters):
        raise BadName("a shifted section holds no ASCII")
    if _section([letters])[1:-1].decode("ascii") != base64:
        raise BadName("the shifted section has spare bits")
    return letters
