"""What a browser keeps for us between two steps of a login, sealed, so that it costs us no row.

A stranger may begin any number of logins and make us remember nothing.
"""

import base64
import binascii
from typing import Final, TypeVar

import msgspec

from postroom.directory.sealing import open_sealed, seal
from postroom.errors import StorageFailed

LIFE_MS: Final = 5 * 60_000
MAX_TEXT: Final = 4_000  # characters

T = TypeVar("T")


def give(key: bytes, what: msgspec.Struct, now: int) -> str:
    """``what`` as text for a form or a cookie; ``key`` has 32 octets, ``now`` is in UTC ms."""
    plain = now.to_bytes(8, "big") + msgspec.json.encode(what)
    return base64.urlsafe_b64encode(seal(key, plain, _context(type(what)))).decode()


def take(key: bytes, text: str, kind: type[T], now: int) -> T | None:
    """What was given away; None for anything else, and when it is older than five minutes."""
    if len(text) > MAX_TEXT:
        return None
    try:
        sealed = base64.urlsafe_b64decode(text.encode())
        plain = open_sealed(key, sealed, _context(kind))
    except (binascii.Error, StorageFailed, UnicodeEncodeError):
        return None
    if not 0 <= now - int.from_bytes(plain[:8], "big") <= LIFE_MS:
        return None
    return msgspec.json.decode(plain[8:], type=kind)


def _context(kind: type) -> bytes:
    return f"web {kind.__name__}".encode()
