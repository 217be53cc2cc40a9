"""Transfer encodings that may stand inside any multipart: quoted-printable and base64.

The octets come back exactly when decoded. What is written is ASCII in lines of at most 76
octets with CRLF, and no line begins with two hyphens, so none can be taken for a delimiter
whatever the boundary; nor with "From ", which some old stores would change.

RFC 2045 §6.7 (quoted-printable), §6.8 (base64); RFC 2049 §3 (what gateways spoil).
"""

import base64
import binascii
import re
from typing import Final

MAX_LINE: Final = 998  # octets without CRLF, RFC 5322 §2.1.1, RFC 5321 §4.5.3.1.6
MAX_ENCODED: Final = 76  # RFC 2045 §6.7, §6.8

_TO_GUARD: Final = re.compile(rb"^(?:(?:--|From )[^\r\n]*+|[^\r\n]{77,}+)", re.MULTILINE)
_HYPHENS: Final = re.compile(rb"-(?=-)")


def is_clean(octets: bytes) -> bool:
    """True for ASCII without NUL in lines of at most 998 octets that end in CRLF."""
    return octets.isascii() and b"\0" not in octets and has_line_ends(octets) and _is_short(octets)


def has_line_ends(octets: bytes) -> bool:
    """True when every CR and every LF is part of a CRLF."""
    return octets.count(b"\r") == octets.count(b"\n") == octets.count(b"\r\n")


def longest_line(octets: bytes) -> int:
    """The octets of the longest line, without its CRLF."""
    return max(map(len, octets.split(b"\r\n")))


def quoted_printable(octets: bytes) -> bytes:
    """Quoted-printable of text: CRLF ends a line, other CRs and LFs are encoded."""
    lines = [binascii.b2a_qp(line, istext=False) for line in octets.split(b"\r\n")]
    encoded = b"\n".join(lines).replace(b"\n", b"\r\n")  # b2a_qp breaks lines by LF
    return _TO_GUARD.sub(_guarded, encoded)


def base64_lines(octets: bytes) -> bytes:
    """Base64 in lines; the last one ends in CRLF too."""
    return base64.encodebytes(octets).replace(b"\n", b"\r\n")


def _is_short(octets: bytes) -> bool:
    return len(octets) <= MAX_LINE or longest_line(octets) <= MAX_LINE


def _guarded(found: re.Match[bytes]) -> bytes:
    """A line of quoted-printable again: without "--", without "From " at its beginning.

    The encoder of the standard library makes some lines two octets too long.
    """
    text = found[0]
    end = b"=" if text.endswith(b"=") else b""
    text = _HYPHENS.sub(b"=2D", text.removesuffix(b"="))
    if text.startswith(b"From "):
        text = b"=46" + text[1:]
    pieces = []
    at = 0
    while len(text) - at + len(end) > MAX_ENCODED:
        cut = at + MAX_ENCODED - 1
        escape = text.rfind(b"=", cut - 2, cut)  # an escape is never cut
        cut = cut if escape < 0 else escape
        pieces.append(text[at:cut] + b"=")
        at = cut
    return b"\r\n".join([*pieces, text[at:] + end])
