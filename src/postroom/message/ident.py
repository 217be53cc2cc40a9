"""Message identifiers: Message-ID, In-Reply-To and References without their brackets.

They are text (undecodable octets become U+FFFD), without NUL and line ends, each at most
MAX_ID characters; at most MAX_REFERENCES of them, the first (the root of the thread) and
the latest being kept.

RFC 5322 §3.6.4; lenient with what has no brackets.
"""

import hashlib
import re
from collections.abc import Sequence
from typing import Final

from postroom.message.part import Fields

MAX_ID: Final = 998
MAX_REFERENCES: Final = 100

_IN_BRACKETS: Final = re.compile(rb"<([^<>]++)>")
_UNWANTED: Final = re.compile(r"[\x00-\x1f\x7f]+")


def ids(value: bytes) -> list[str]:
    """The identifiers of a field, in order; bare words when nothing is in brackets."""
    found = _IN_BRACKETS.findall(value)
    if not found:
        found = value.replace(b"<", b" ").replace(b">", b" ").split()
    return [text for octets in found if (text := _text(octets))]


def message_id(fields: Fields) -> str:
    """The letter's own identifier, "" when it has none."""
    for value in fields.get(b"message-id", ()):
        if found := ids(value):
            return found[0]
    return ""


def references(fields: Fields) -> tuple[str, ...]:
    """Ancestors, oldest first, the parent last (RFC 5322 §3.6.4): each once.

    In-Reply-To counts when it holds identifiers in brackets; many old programs wrote
    sentences there.
    """
    found: list[str] = []
    for value in fields.get(b"references", ()):
        found += ids(value)
    for value in fields.get(b"in-reply-to", ()):
        if b"<" in value:
            found += ids(value)[:1]
    if not found:
        return ()
    own = message_id(fields)
    kept = tuple(dict.fromkeys(text for text in found if text != own))
    if len(kept) > MAX_REFERENCES:
        kept = (kept[0], *kept[1 - MAX_REFERENCES :])
    return kept


def thread_id(own: str, ancestors: Sequence[str], otherwise: int) -> int:
    """The thread of a letter, 63 bits: the same for the letter that began it and all replies.

    It is a hash of the first ancestor's identifier, or of its own, so that it needs no other
    letter; one without any identifier is a thread of its own (``otherwise``).
    """
    root = ancestors[0] if ancestors else own
    if not root:
        return otherwise
    digest = hashlib.blake2b(root.encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def _text(octets: bytes) -> str:
    if octets.isascii():
        text = octets.decode("ascii")
        if len(text) <= MAX_ID and text.isprintable() and text[:1] != " " != text[-1:]:
            return text
    text = octets.decode("utf-8", "replace")[:MAX_ID]
    return _UNWANTED.sub("", text).strip()
