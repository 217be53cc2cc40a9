"""The parts of addresses: header fields and the envelope.

RFC 5228 §2.7.4 (address parts), RFC 5233 (user and detail).
"""

import re
from collections.abc import Iterator
from typing import Final

from postroom.address import split_subaddress
from postroom.message.addresses import Mailbox, mailboxes, parse
from postroom.message.charset import decode
from postroom.sieve.heads import clean
from postroom.sieve.script import Call

MAX_ADDRESSES: Final = 5000  # of one field

_DOT_STRING: Final = re.compile(
    r'[^\x00-\x20"(),.:;<>@\[\\\]]+(?:\.[^\x00-\x20"(),.:;<>@\[\\\]]+)*+'
)
_SPECIAL: Final = re.compile(r'(["\\])')
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_PARTS: Final = ("localpart", "domain", "user", "detail")


def part_of(call: Call) -> str:
    """The address part that a test names."""
    return next((part for part in _PARTS if part in call.tags), "all")


def field_parts(value: bytes, part: str, separators: str) -> Iterator[str]:
    """This part of each address in a field; nothing for those that have no such part."""
    for mailbox in mailboxes(parse(value, MAX_ADDRESSES)):
        found = mailbox_part(mailbox, part, separators)
        if found is not None:
            yield found


def mailbox_part(mailbox: Mailbox, part: str, separators: str = "") -> str | None:
    """This part of an address."""
    local, domain = clean(decode(mailbox.local)), clean(decode(mailbox.domain))
    return _part(local, domain, part, separators)


def path_part(path: str, part: str, separators: str) -> str | None:
    """This part of an address of the envelope; the null path is "" in every part."""
    if not path:
        return ""
    local, sign, domain = path.rpartition("@")
    if not sign:
        local, domain = path, ""
    if local.startswith('"') and local.endswith('"'):
        local = _ESCAPED.sub(r"\1", local[1:-1])
    return _part(local, domain, part, separators)


def _part(local: str, domain: str, part: str, separators: str) -> str | None:
    match part:
        case "localpart":
            return _written(local)
        case "domain":
            return domain or None
        case "user":
            return _written(split_subaddress(local, separators)[0])
        case "detail":
            return split_subaddress(local, separators)[1]
        case _:
            return f"{_written(local)}@{domain}" if domain else local


def _written(local: str) -> str:
    """The local part in one spelling: quoted when it must be, as in the envelope."""
    if _DOT_STRING.fullmatch(local):
        return local
    return '"' + _SPECIAL.sub(r"\\\1", local) + '"'
