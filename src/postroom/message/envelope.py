"""ENVELOPE: the IMAP text made once at filing.

The strings are those of the header, unfolded and not decoded. A field that is absent is
NIL, one that is empty is "". Several To or Cc fields are one list, and so are several
From fields: what a policy judged is what is shown.

RFC 3501 §7.4.2, §9 (envelope, address).
"""

import re
from typing import Final

from postroom.message import addresses
from postroom.message.addresses import Group, Mailbox
from postroom.message.headers import collect
from postroom.message.part import ENVELOPE_FIELDS, Fields
from postroom.message.quoting import NIL, string

_PLAIN: Final = re.compile(rb"[ !#-\[\]-~]{0,500}+")  # quoted strings without an escape
_GROUP_END: Final = b"(NIL NIL NIL NIL)"
EMPTY: Final = b"(" + b" ".join([NIL] * 10) + b")"


def envelope(head: bytes) -> bytes:
    """The ENVELOPE of a header block."""
    return written(collect(head, ENVELOPE_FIELDS))


def written(fields: Fields) -> bytes:
    """The ENVELOPE of fields that were collected before."""
    if not fields:
        return EMPTY
    author = _list(fields, b"from")
    sender = _list(fields, b"sender")
    reply_to = _list(fields, b"reply-to")
    return b"(%b %b %b %b %b %b %b %b %b %b)" % (
        _text(fields, b"date"),
        _text(fields, b"subject"),
        author,
        author if sender == NIL else sender,
        author if reply_to == NIL else reply_to,
        _list(fields, b"to"),
        _list(fields, b"cc"),
        _list(fields, b"bcc"),
        _text(fields, b"in-reply-to"),
        _text(fields, b"message-id"),
    )


def _text(fields: Fields, name: bytes) -> bytes:
    values = fields.get(name)
    return string(values[0]) if values else NIL


def _list(fields: Fields, name: bytes) -> bytes:
    values = fields.get(name)
    if not values:
        return NIL
    entries = addresses.parse(values[0] if len(values) == 1 else b",".join(values))
    if not entries:
        return NIL
    return b"(" + b"".join([_entry(entry) for entry in entries]) + b")"


def _entry(entry: Mailbox | Group) -> bytes:
    if isinstance(entry, Mailbox):
        name, local, domain = entry.name, entry.local, entry.domain
        if not entry.route and _PLAIN.fullmatch(name + local + domain):  # most of them
            if not name:
                return b'(NIL NIL "%b" "%b")' % (local, domain)
            return b'("%b" NIL "%b" "%b")' % (name, local, domain)
        return b"(%b %b %b %b)" % (
            string(name) if name else NIL,
            string(entry.route) if entry.route else NIL,
            string(local),
            string(domain),  # never NIL: that would mean a group
        )
    members = b"".join([_entry(member) for member in entry.members])
    return b"(NIL NIL %b NIL)%b%b" % (string(entry.name), members, _GROUP_END)
