"""Masked addresses: random names that lead to an account, one for each shop or list.

Whoever gets one learns neither the account's own address nor that two masks have one owner. A
mask is an address of its account like any other (its owner may send as it, and may have any
number), with a label, a count, and a switch: mail to one that is off is refused.
"""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from postroom.address import Address, Domain
from postroom.db.database import Row, Tx, number
from postroom.directory import addresses
from postroom.errors import Invalid, NotFound

MAX_LABEL: Final = 200  # characters
_CONSONANTS: Final = "bdfghjklmnprstvz"
_VOWELS: Final = "aeiou"
_SYLLABLES: Final = 5
_DIGITS: Final = 3
_NEWEST: Final = 1 << 62

_COLUMNS: Final = (
    "m.address_id, m.account_id, a.written, d.name, m.label, m.is_off, m.created, m.uses,"
    " m.last_used"
)
_JOINED: Final = "mask m JOIN address a ON a.id = m.address_id JOIN domain d ON d.id = a.domain_id"


class Mask(msgspec.Struct, frozen=True):
    """``id`` is that of its address. Times in ms; ``uses`` counts messages that were taken."""

    id: int
    account_id: int
    address: Address
    label: str
    is_off: bool
    created: int
    uses: int
    last_used: int | None


def local_part(choose: Callable[[Sequence[str]], str]) -> str:
    """A name that can be said and not be guessed, of 2^41 ones; ``choose`` picks one at random."""
    syllables = [choose(_CONSONANTS) + choose(_VOWELS) for _ in range(_SYLLABLES)]
    return "".join([*syllables, *(choose("0123456789") for _ in range(_DIGITS))])


def add(tx: Tx, ident: int, account_id: int, address: Address, label: str, now: int) -> Mask:
    """Give an account this mask. Raises AlreadyExists, Invalid, NotFound for the domain."""
    _check(label)
    addresses.claim(tx, ident, address, account_id=account_id)
    tx.execute(
        "INSERT INTO mask (address_id, account_id, label, is_off, created, uses)"
        " VALUES (:id, :account, :label, 0, :now, 0)",
        id=ident,
        account=account_id,
        label=label,
        now=now,
    )
    return require(tx, address)


def of(tx: Tx, account_id: int, *, below: int = _NEWEST, limit: int) -> list[Mask]:
    """A page of an account's, the newest first, with ids under ``below``."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM {_JOINED} WHERE m.account_id = :account AND m.address_id < :below"
        " ORDER BY m.address_id DESC LIMIT :limit",
        account=account_id,
        below=below,
        limit=limit,
    )
    return [_mask(row) for row in rows]


def count(tx: Tx, account_id: int) -> int:
    """How many an account has."""
    return number(tx, "SELECT count(*) FROM mask WHERE account_id = :account", account=account_id)


def find(tx: Tx, address: Address) -> Mask | None:
    """The mask with exactly this name."""
    name = addresses.find(tx, address)
    if name is None:
        return None
    row = tx.one(f"SELECT {_COLUMNS} FROM {_JOINED} WHERE m.address_id = :id", id=name.id)
    return _mask(row) if row else None


def require(tx: Tx, address: Address) -> Mask:
    """The same; raises NotFound."""
    found = find(tx, address)
    if found is None:
        raise NotFound(f"{address} is no masked address; see: postroom mask list ACCOUNT")
    return found


def change(tx: Tx, mask: Mask, *, label: str | None = None, is_off: bool | None = None) -> None:
    """Give it another label, or switch it. Raises Invalid."""
    label = mask.label if label is None else label
    _check(label)
    tx.execute(
        "UPDATE mask SET label = :label, is_off = :off WHERE address_id = :id",
        id=mask.id,
        label=label,
        off=int(mask.is_off if is_off is None else is_off),
    )


def remove(tx: Tx, mask: Mask) -> None:
    """End it; its name is free, and can be anybody's."""
    tx.execute("DELETE FROM mask WHERE address_id = :id", id=mask.id)
    tx.execute("DELETE FROM address WHERE id = :id", id=mask.id)


def used(tx: Tx, idents: Sequence[int], now: int) -> None:
    """A message was taken for each of these; nothing that caches remember."""
    for ident in sorted(idents):
        tx.execute(
            "UPDATE mask SET uses = uses + 1, last_used = :now WHERE address_id = :id",
            id=ident,
            now=now,
        )


def _check(label: str) -> None:
    if len(label) > MAX_LABEL or not label.isprintable():
        raise Invalid(f"a label has at most {MAX_LABEL} characters, in one line")


def _mask(row: Row) -> Mask:
    ident, account_id, local, domain, label, is_off, created, uses, last_used = row
    address = Address(local, Domain(domain))
    return Mask(ident, account_id, address, label, bool(is_off), created, uses, last_used)
