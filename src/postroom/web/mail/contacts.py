"""People as header fields name them, shown so that nobody is taken for somebody else (UTS 39)."""

import re
import unicodedata
from contextlib import suppress
from typing import Final

import msgspec

from postroom.address import AddressError, Domain
from postroom.message.addresses import Mailbox, mailboxes, parse
from postroom.message.charset import decode
from postroom.message.index import one_line

MOST: Final = 1_000  # people of a field
_LIKE_LATIN: Final = frozenset({"CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE"})


class Contact(msgspec.Struct, frozen=True):
    """Somebody in a header field."""

    address: str
    name: str = ""

    def __str__(self) -> str:
        """As people write it."""
        if not self.name:
            return self.address
        plain = re.fullmatch(r"[\w!#$%&'*+/=?^`{|}~ -]+", self.name)
        name = self.name if plain else '"' + re.sub(r'(["\\])', r"\\\1", self.name) + '"'
        return f"{name} <{self.address}>"


def contacts(values: list[bytes] | None) -> tuple[Contact, ...]:
    """The people of address fields."""
    found = mailboxes(parse(b",".join(values or []), MOST))
    return tuple(Contact(_address(one), one_line([one.name])) for one in found)


def _address(one: Mailbox) -> str:
    local, domain = decode(one.local), decode(one.domain)
    if any(_is_mixed(label) for label in domain.split(".")):
        with suppress(AddressError):
            domain = str(Domain.parse(domain))
    return f"{local}@{domain}" if domain else local


def _is_mixed(label: str) -> bool:
    """Latin letters with some that look like them: seen as an A-label only (UTS 39)."""
    if label.isascii():
        return False
    scripts = {unicodedata.name(one, "").partition(" ")[0] for one in label if one.isalpha()}
    return "LATIN" in scripts and not _LIKE_LATIN.isdisjoint(scripts)
