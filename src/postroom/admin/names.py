"""From what a person typed to an address or domain; from numbers to times and sizes in words."""

import re
from collections.abc import Collection
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final
from urllib.parse import urlsplit

from postroom.address import Address, AddressError, Domain
from postroom.db.ids import from_text
from postroom.errors import Invalid, Refused

_NAME: Final = re.compile(r"[\w.+-]{1,64}", re.ASCII)
_UNITS: Final = ("B", "KB", "MB", "GB", "TB")
_TYPED: Final = re.compile(r"(\d{1,19}(?:\.\d{1,3})?)\s{0,5}(B|[KMGT]B?)", re.IGNORECASE | re.ASCII)
# A unit, its seconds, and from how many seconds on it is the one to use.
_SPANS: Final = (("day", 86_400, 2 * 86_400), ("hour", 3_600, 2 * 3_600), ("minute", 60, 60))


def address(text: str) -> Address:
    """Read an address; raises Invalid with the reason."""
    text = text.strip()
    if text.endswith(">") and "<" in text[1:]:
        alone = text[text.rindex("<") + 1 : -1]
        raise Invalid(f"{text!r} is a name and an address; write the address alone: {alone}")
    if not text.startswith('"') and not text.rpartition("@")[0]:
        lack = "nothing before the @" if "@" in text else "no @"
        name = text if _NAME.fullmatch(text) else "ann"
        raise Invalid(f"{text!r} has {lack}; write the whole address, such as {name}@example.org")
    try:
        found = Address.parse(text)
    except AddressError as error:
        raise _invalid(text, error) from None
    return found


def domain(text: str) -> Domain:
    """Read a domain name; raises Invalid with the reason."""
    if "://" in text:
        host = urlsplit(text.strip()).hostname or "example.org"
        raise Invalid(f"{text!r} is the address of a page; write the domain alone: {host}")
    try:
        return Domain.parse(text.strip().removeprefix("@"))
    except AddressError as error:
        raise _invalid(text, error) from None


def is_of(text: str, domains: Collection[str]) -> bool:
    """Whether an address that is shown, or ``@domain``, is in one of these domains (A-labels)."""
    return domain(text.rpartition("@")[2]).ascii in domains


def _invalid(text: str, error: AddressError) -> Invalid:
    """The reason with what it is about, which stands in many of them already."""
    reason = str(error)
    return Invalid(reason if repr(text.strip()) in reason else f"{text}: {reason}")


def sought(text: str) -> str:
    """What lists search for: lower case, domains as A-labels as they are stored."""
    text = text.strip().lower()
    if text.isascii():
        return text
    local, at, name = text.rpartition("@")
    with suppress(AddressError):
        return f"{local}{at}{Domain.parse(name).ascii}"
    return text


def ident(text: str, error: Refused) -> int:
    """Read an id as ``db.ids`` writes it; raises ``error`` for what is none."""
    try:
        return from_text(text.strip())
    except ValueError:
        raise error from None


def moment(milliseconds: int) -> datetime:
    """The time, in UTC, to the second."""
    return datetime.fromtimestamp(milliseconds // 1000, UTC)


def span(seconds: float) -> str:
    """How long that is, in words that fit what one wants to know of it: ``2 hours``."""
    for unit, length, enough in _SPANS:
        if seconds >= enough:
            return count(int(seconds // length), unit)
    return "less than a minute"


def count(number: int, noun: str, nouns: str = "") -> str:
    """``1 message``, ``2 messages``; ``nouns`` where that is not the noun and an s."""
    return f"{number} {noun if number == 1 else nouns or f'{noun}s'}"


def size(octets: int) -> str:
    """``1.5 MB``."""
    amount = float(octets)
    for unit in _UNITS:
        if amount < 1024 or unit == _UNITS[-1]:
            break
        amount /= 1024
    return f"{amount:.0f} {unit}" if amount == int(amount) else f"{amount:.1f} {unit}"


def exact_size(number: int) -> str:
    """The same without a loss, for a field from which ``octets`` reads it again."""
    for power in range(len(_UNITS) - 1, 0, -1):
        thousandths, rest = divmod(1000 * number, 1024**power)
        if not rest and thousandths >= 1000:
            return f"{(Decimal(thousandths) / 1000).normalize():f} {_UNITS[power]}"
    return f"{number} B"


def octets(text: str) -> int:
    """Read ``10 GB``; raises Invalid."""
    found = _TYPED.fullmatch(text.strip())
    if found is None:
        raise Invalid(f"{text!r} is no size; write it like 500 MB or 10 GB, or leave it empty")
    power = [unit[0] for unit in _UNITS].index(found[2][0].upper())
    return int(Decimal(found[1]) * 1024**power)
