"""Whose message is it? The one author domain that DMARC and a reader's eyes must agree on.

There must be exactly one From field with exactly one address: with two, a mail program may
show one of them and a policy judge the other (threat A12). With none, a program may show the
Sender; a message that names nobody at all deceives nobody. The reader of addresses is the
one that makes what people see (``message.addresses``). RFC 5322 §3.6.2, RFC 9989 §5.3.1.
"""

from typing import Final

from postroom.address import AddressError, Domain
from postroom.message import headers
from postroom.message.addresses import mailboxes, parse

_SHOWN: Final = (b"from", b"sender", b"resent-from", b"resent-sender")
MAX_FROM: Final = 10_000  # octets of a From field that is read


class NoAuthor(ValueError):
    """There is no one author; the message says why, for the peer and for the log."""


class Anonymous(NoAuthor):
    """The message names nobody whom a mail program could show as its author."""


def author_domain(head: bytes) -> Domain:
    """The domain of the one address in From; raises NoAuthor."""
    found_fields = headers.collect(head, _SHOWN)
    values = found_fields.get(b"from", [])
    if not values:
        kind = NoAuthor if found_fields else Anonymous
        raise kind("the message has no From field")
    if len(values) > 1:
        raise NoAuthor("the message has several From fields")
    if len(values[0]) > MAX_FROM:
        raise NoAuthor("the From field is too long")
    found = mailboxes(parse(values[0]))
    if len(found) != 1:
        count = "no" if not found else "several"
        raise NoAuthor(f"the From field has {count} addresses")
    try:
        domain = Domain.parse(found[0].domain.decode())
    except (AddressError, UnicodeDecodeError):
        raise NoAuthor("the address in the From field has no valid domain") from None
    if domain.is_literal:
        raise NoAuthor("the address in the From field has no domain")
    return domain
