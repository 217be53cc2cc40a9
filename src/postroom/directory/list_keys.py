"""The further addresses of a mailing list, and the signed ones among them.

    dev+owner@              its owners
    dev+subscribe@          asks for a letter to be confirmed; +unsubscribe, +help likewise
    dev+confirm-DD..@       an answer to such a letter
    dev+leave-..@           takes one member out: what List-Unsubscribe names
    dev+bounce-..@          the sender of what one member gets, so what comes back tells who
    dev+next-..@            the rest of a post, from one member on; only in our own queue
    dev+accepted-..@        a post that waits for an owner; only in our own queue

What is signed can't be made up, and holds for one purpose only. Case counts nowhere, as others
fold it. Pure functions of the key of this install. VERP: "Variable Envelope Return Paths", 1997;
HMAC-SHA-256 (RFC 2104), base32 (RFC 4648 §6).
"""

import base64
import binascii
import hmac
from typing import Final, Literal

from postroom.directory.names import Policy

SEPARATOR: Final = "+"
MAX_NAME: Final = 30  # of a list, so that its longest further address fits into 64 octets

OWNER: Final = "owner"
Word = Literal["subscribe", "unsubscribe", "help"]
WORDS: Final[frozenset[str]] = frozenset(("subscribe", "unsubscribe", "help", OWNER))
Purpose = Literal["leave", "bounce", "next", "accepted"]
PURPOSES: Final[frozenset[str]] = frozenset(("leave", "bounce", "next", "accepted"))
Wish = Literal["subscribe", "unsubscribe"]

MAX_AGE: Final = 7  # days that a letter may be confirmed
_CONFIRM: Final = "confirm"
_MAC: Final = 7  # octets: 56 bits, and each guess is a transaction
_SIGNED: Final = 24  # base32 characters of 8 + 7 octets
_DAYS: Final = 1 << 15


def is_further(detail: str) -> bool:
    """Whether a list has an address with this behind its name."""
    word, dash, rest = detail.casefold().partition("-")
    if not dash:
        return word in WORDS
    return (word in PURPOSES and len(rest) == _SIGNED) or (word == _CONFIRM and bool(rest))


def reading(policy: Policy, local: str) -> tuple[str, str]:
    """(key of the list, detail) of what may be a further address of one; ("", "") of what can't.

    The separator is "+" in every domain, whatever its subaddresses have.
    """
    name, _, detail = local.partition(SEPARATOR)
    if not name or not is_further(detail):
        return "", ""
    return policy.canonical(name), detail.casefold()


def signed(purpose: Purpose, number: int, key: bytes, *, scope: int = 0) -> str:
    """``leave-..``: the detail that stands for this number (63 bits).

    ``scope``: the letter of the queue that it is for alone.
    """
    octets = number.to_bytes(8, "big")
    return f"{purpose}-{_text(octets + _mac(key, purpose, octets + scope.to_bytes(8, 'big')))}"


def opened(detail: str, key: bytes, *, scope: int = 0) -> tuple[Purpose, int] | None:
    """What a detail stands for that ``signed`` has made in this scope; None for any other."""
    word, _, rest = detail.casefold().partition("-")
    octets = _octets(rest)
    if len(octets) != 8 + _MAC:
        return None
    for purpose in ("leave", "bounce", "next", "accepted"):
        expected = _mac(key, purpose, octets[:8] + scope.to_bytes(8, "big"))
        if purpose == word and hmac.compare_digest(octets[8:], expected):
            return purpose, int.from_bytes(octets[:8], "big")
    return None


def confirmation(wish: Wish, list_id: int, address: str, key: bytes, day: int) -> str:
    """``confirm-..``: what only who reads the mail of ``address`` gets to know.

    ``day`` counts from 1970.
    """
    stamp = (day % _DAYS).to_bytes(2, "big")
    return f"{_CONFIRM}-{_text(stamp + _about(key, wish, list_id, address, stamp))}"


def confirmed(detail: str, list_id: int, address: str, key: bytes, day: int) -> Wish | None:
    """What ``address`` confirms by a detail; None for nothing, or too late."""
    word, _, rest = detail.casefold().partition("-")
    octets = _octets(rest)
    stamp = octets[:2]
    if word != _CONFIRM or len(stamp) != 2:
        return None
    age = (day - int.from_bytes(stamp, "big")) % _DAYS
    if MAX_AGE < age < _DAYS - 1:  # another node's clock may be a day ahead
        return None
    for wish in ("subscribe", "unsubscribe"):
        expected = _about(key, wish, list_id, address, stamp)
        if hmac.compare_digest(octets[2:], expected):
            return wish
    return None


def _about(key: bytes, wish: str, list_id: int, address: str, stamp: bytes) -> bytes:
    octets = stamp + list_id.to_bytes(8, "big") + address.casefold().encode("utf-8", "replace")
    return _mac(key, wish, octets)


def _mac(key: bytes, purpose: str, octets: bytes) -> bytes:
    return hmac.digest(key, b"list %b:%b" % (purpose.encode(), octets), "sha256")[:_MAC]


def _text(octets: bytes) -> str:
    return base64.b32encode(octets).decode("ascii").rstrip("=").lower()


def _octets(text: str) -> bytes:
    """b"" for what is no base32."""
    padded = text.upper() + "=" * (-len(text) % 8)
    try:
        return base64.b32decode(padded)
    except (binascii.Error, ValueError):
        return b""
