"""Sort keys: what SORT and THREAD compare of a message, read once from its header block.

Texts are decoded, mapped by ``casemap`` and bounded: of a longer one the beginning is kept
and a digest, so that it sorts where it belongs and still equals only itself. Message IDs
become 64-bit hashes.

RFC 5256 §2 (base subject, sent date), §3 (keys); RFC 5957 §3 (DISPLAY); RFC 5255 §4.6.
"""

import struct
from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

import msgspec

from postroom.message import addresses, dates, msgid, subject
from postroom.message.addresses import Group
from postroom.message.casemap import casemap
from postroom.message.charset import decode_words
from postroom.message.headers import collect
from postroom.message.part import Fields

MAX_TEXT: Final = 500  # characters of a text

_FIELDS: Final = frozenset(
    (
        *(b"date", b"subject", b"from", b"to", b"cc"),
        *(b"message-id", b"references", b"in-reply-to"),
    )
)


class SortKeys(msgspec.Struct, frozen=True):
    """The keys of a message.

    ``sent`` is in UTC milliseconds, None without a readable Date; ``is_reply``: a reply or
    forward by its subject. ``author``, ``recipient`` and ``copied`` are the addr-mailbox
    of the first From, To and Cc, the ``shown`` ones what DISPLAY sorts by. ``ident`` is 0
    without a Message-ID; ``ancestors`` are packed, see ``unpack``.
    """

    sent: int | None = None
    subject: str = ""
    is_reply: bool = False
    author: str = ""
    recipient: str = ""
    copied: str = ""
    shown_author: str = ""
    shown_recipient: str = ""
    ident: int = 0
    ancestors: bytes = b""


def sort_keys(head: bytes) -> SortKeys:
    """The keys of a header block."""
    fields = collect(head, _FIELDS)
    base = subject.base_subject(_first(fields, b"subject"))
    author, shown_author = _address(fields, b"from")
    recipient, shown_recipient = _address(fields, b"to")
    copied, _ = _address(fields, b"cc")
    idents = msgid.message_ids(_first(fields, b"message-id"))
    ancestors = msgid.references(fields.get(b"references", []), fields.get(b"in-reply-to", []))
    return SortKeys(
        _sent(_first(fields, b"date")),
        _text(base.text),
        base.is_reply,
        author,
        recipient,
        copied,
        shown_author,
        shown_recipient,
        _hash(idents[0]) if idents else 0,
        struct.pack(f"<{len(ancestors)}q", *map(_hash, ancestors)),
    )


def unpack(ancestors: bytes) -> Sequence[int]:
    """The hashes of the references, the parent last."""
    return struct.unpack(f"<{len(ancestors) // 8}q", ancestors)


def _first(fields: Fields, name: bytes) -> bytes:
    values = fields.get(name)
    return values[0] if values else b""


def _sent(value: bytes) -> int | None:
    """RFC 5256 §2.2: with a time that can't be, the day counts from its beginning."""
    date = dates.read(value) or dates.read_day(value)
    return date.ms if date else None


def _address(fields: Fields, name: bytes) -> tuple[str, str]:
    """addr-mailbox and DISPLAY value of the first address, as ENVELOPE has it."""
    values = fields.get(name)
    entries = addresses.parse(b",".join(values), most=1) if values else []
    if not entries:
        return "", ""
    first = entries[0]
    if isinstance(first, Group):  # ENVELOPE: its name is the addr-mailbox, there is no host
        name_of_group = _text(decode_words(first.name))
        return name_of_group, name_of_group
    mailbox = decode_words(first.local)
    shown = decode_words(first.name) or f"{mailbox}@{decode_words(first.domain)}"
    return _text(mailbox), _text(shown)


def _text(text: str) -> str:
    """As it is compared and can be kept: without NUL and halves of surrogates, bounded."""
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode("utf-8")
    mapped = casemap(text.replace("\0", ""))
    if len(mapped) <= MAX_TEXT:
        return mapped
    digest = blake2b(mapped.encode("utf-8"), digest_size=16).hexdigest()
    return f"{mapped[:MAX_TEXT]} {digest}"


def _hash(ident: bytes) -> int:
    number = int.from_bytes(blake2b(ident, digest_size=8).digest(), "little", signed=True)
    return number or 1
