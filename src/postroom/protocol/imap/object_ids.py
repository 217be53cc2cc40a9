"""Identifiers of mailboxes, messages and threads as clients see them (RFC 8474).

Each is a letter and a number in hexadecimal digits, so that no two kinds are ever equal and
none looks like a number or NIL (§8.1).
"""

import re
from typing import Final, Literal

Kind = Literal["F", "M", "T"]

OBJECT_ID: Final = re.compile(rb"[A-Za-z0-9_-]{1,255}")
_OURS: Final = re.compile(rb"[1-9a-f][0-9a-f]{0,15}")


def mailbox_id(number: int) -> bytes:
    """MAILBOXID, §4."""
    return b"F%x" % number


def email_id(number: int) -> bytes:
    """EMAILID, §5.1."""
    return b"M%x" % number


def thread_id(number: int) -> bytes:
    """THREADID, §5.2."""
    return b"T%x" % number


def number_of(text: bytes, kind: Kind) -> int:
    """The number in an identifier; 0 when it is none of ours."""
    if text[:1] != kind.encode("ascii") or not _OURS.fullmatch(text, 1):
        return 0
    return int(text[1:], 16)
