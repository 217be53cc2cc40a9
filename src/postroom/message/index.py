"""The index of a letter: all that is computed once, when it is filed.

The header block's fields were collected by the scanner; nothing is parsed twice.
"""

from typing import Final

import msgspec

from postroom.message import envelope, ident
from postroom.message.charset import decode_words
from postroom.message.headers import collect
from postroom.message.part import MESSAGE_FIELDS, Part
from postroom.message.structure import bodystructure

MAX_SUBJECT: Final = 200  # characters
_ENOUGH: Final = 4000  # octets of a value that are decoded
_TOLD: Final = (b"message-id", b"subject")


class Indexed(msgspec.Struct, frozen=True):
    """ENVELOPE and BODYSTRUCTURE as IMAP text, and what finds a letter and its thread.

    ``subject`` is decoded, one line, without NUL, at most MAX_SUBJECT characters;
    identifiers are without brackets, "" and () where there are none.
    """

    envelope: bytes
    bodystructure: bytes
    message_id: str
    references: tuple[str, ...]
    subject: str

    def thread_id(self, otherwise: int) -> int:
        """The letter's thread, 63 bits; ``otherwise`` when nothing tells it (``ident``)."""
        return ident.thread_id(self.message_id, self.references, otherwise)


def index(head: bytes, part: Part) -> Indexed:
    """Index a letter: its header block and the tree that the scanner made of it."""
    fields = part.fields if part.fields is not None else collect(head, MESSAGE_FIELDS)
    return Indexed(
        envelope.written(fields),
        bodystructure(part),
        ident.message_id(fields),
        ident.references(fields),
        one_line(fields.get(b"subject")),
    )


def brief(head: bytes) -> Indexed:
    """Identifier and subject of a letter that is filed in no mailbox; the rest is empty."""
    fields = collect(head, _TOLD)
    return Indexed(b"", b"", ident.message_id(fields), (), one_line(fields.get(b"subject")))


def one_line(values: list[bytes] | None) -> str:
    """The first value decoded for people: printable, at most MAX_SUBJECT characters."""
    if not values:
        return ""
    text = decode_words(values[0][:_ENOUGH])
    if not text.isprintable():
        text = " ".join(text.replace("\0", "").split())
        text = "".join([letter if letter.isprintable() else "\ufffd" for letter in text])
    return text[:MAX_SUBJECT].strip()
