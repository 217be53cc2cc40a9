"""Whose letters an account never wants, and whose are never junk: its two lists of patterns.

A pattern is an address (``ann@x.example``), a domain (``x.example``: every address there) or
what is below a domain (``*.x.example``). A pattern stands on one of the lists: who is put on
the other one leaves the first. All are looked up at once, as members of a set.
"""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from postroom.address import Address, AddressError, Domain
from postroom.db.database import Tx
from postroom.errors import Invalid, NotFound

List = Literal["block", "allow"]

MOST: Final = 10_000  # patterns of an account, which a server keeps in memory
_BELOW: Final = "*."


class Senders(msgspec.Struct, frozen=True):
    """The lists of an account."""

    blocked: frozenset[str] = frozenset()
    allowed: frozenset[str] = frozenset()

    def blocking(self, address: str) -> str:
        """The pattern on the block list that covers an address; "" when none does."""
        return _covering(self.blocked, address)

    def allowing(self, address: str) -> str:
        """The pattern on the allow list that covers an address; "" when none does."""
        return _covering(self.allowed, address)


def pattern(text: str) -> str:
    """A pattern in the form that is stored; raises Invalid."""
    text = text.strip()
    try:
        if text.startswith(_BELOW):
            return _BELOW + _domain(text.removeprefix(_BELOW))
        local, at, domain = text.rpartition("@")
        if at and local not in {"", "*"}:
            return key(str(Address.parse(text)))
        return _domain(domain)
    except AddressError as error:
        raise Invalid(
            f"{text!r} is no sender ({error}); write an address, a domain, or *. and a domain"
        ) from None


def key(address: str) -> str:
    """An address as patterns have it: whatever its case."""
    return address.casefold()


def covering(address: str) -> list[str]:
    """Every pattern that covers an address, the narrowest first."""
    address = key(address)
    domain = address.rpartition("@")[2]
    found = [address, domain]
    while "." in domain:
        domain = domain.partition(".")[2]
        found.append(_BELOW + domain)
    return found


def of(tx: Tx, account_id: int) -> Senders | None:
    """The lists of an account; None when nobody is on them."""
    rows = tx.all(
        "SELECT pattern, list FROM sender_rule WHERE account_id = :account", account=account_id
    )
    if not rows:
        return None
    return Senders(
        frozenset([row[0] for row in rows if row[1] == "block"]),
        frozenset([row[0] for row in rows if row[1] == "allow"]),
    )


def listed(tx: Tx, account_id: int, which: List) -> list[str]:
    """The patterns on one list, sorted."""
    rows = tx.all(
        "SELECT pattern FROM sender_rule WHERE account_id = :account AND list = :list"
        " ORDER BY pattern",
        account=account_id,
        list=which,
    )
    return [row[0] for row in rows]


def put(tx: Tx, account_id: int, which: List, patterns: Sequence[str]) -> None:
    """Put patterns on a list, and off the other one. Raises Invalid when there are too many."""
    for one in patterns:
        tx.execute(
            "INSERT INTO sender_rule (account_id, pattern, list) VALUES (:account, :pattern, :list)"
            " ON CONFLICT (account_id, pattern) DO UPDATE SET list = excluded.list",
            account=account_id,
            pattern=one,
            list=which,
        )
    row = tx.one("SELECT count(*) FROM sender_rule WHERE account_id = :account", account=account_id)
    if row is not None and row[0] > MOST:
        raise Invalid(f"an account lists at most {MOST} senders; remove some first")


def remove(tx: Tx, account_id: int, which: List, patterns: Sequence[str]) -> None:
    """Take patterns off a list; raises NotFound when one is not on it."""
    for one in patterns:
        gone = tx.execute(
            "DELETE FROM sender_rule WHERE account_id = :account AND pattern = :pattern"
            " AND list = :list",
            account=account_id,
            pattern=one,
            list=which,
        )
        if not gone:
            raise NotFound(f"{one} is not on the {which} list, so there is nothing to remove")


def forget(tx: Tx, account_id: int) -> None:
    """The account is gone for good."""
    tx.execute("DELETE FROM sender_rule WHERE account_id = :account", account=account_id)


def _covering(patterns: frozenset[str], address: str) -> str:
    if not patterns or "@" not in address:
        return ""
    return next((one for one in covering(address) if one in patterns), "")


def _domain(text: str) -> str:
    domain = Domain.parse(text)
    if domain.is_literal:
        raise AddressError("it is an address literal")
    return domain.ascii
