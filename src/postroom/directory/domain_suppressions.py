"""The suppression lists of a domain's accounts, taken together.

There is no list of a domain besides: it is what stands on those of its accounts. Where a domain
shares them, what came back to one of its accounts, or was called spam, is heeded by all; what
somebody has put on their own list by hand is theirs alone. Functions of an open transaction.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from postroom.db.database import Tx, number
from postroom.directory import domains, suppressions
from postroom.directory.domains import OwnDomain
from postroom.directory.suppressions import TOGETHER, Suppressed

# A name is looked for by itself, not through all accounts of the domain: hence the plus.
_OF_ADDRESS: Final = (
    "suppression s JOIN address a ON a.account_id = s.account_id AND a.main = 1"
    " JOIN domain d ON d.id = a.domain_id WHERE s.address = :address AND +a.domain_id = :domain"
)
_LISTS: Final = (
    "suppressing u JOIN address a ON a.account_id = u.account_id AND a.main = 1"
    " JOIN domain d ON d.id = a.domain_id WHERE a.domain_id = :domain AND u.entries > 0"
)
_ENTRY: Final = "s.address, s.kind, s.at, s.until, s.ledger_id, s.reason"

Key = tuple[int, str]


class OfAccount(msgspec.Struct, frozen=True):
    """What stands on the list of one account; ``account`` is its main address."""

    account_id: int
    account: str
    entry: Suppressed

    @property
    def key(self) -> Key:
        """Where a page goes on."""
        return self.account_id, self.entry.address


def ident_of(own: OwnDomain) -> int:
    """The domain that has the accounts."""
    return own.id if own.alias_id is None else own.alias_id


def is_shared(tx: Tx, domain_id: int) -> bool:
    """Whether the accounts of a domain heed each other's lists."""
    row = tx.one("SELECT 1 FROM suppression_sharing WHERE domain_id = :id", id=domain_id)
    return row is not None


def share(tx: Tx, own: OwnDomain, *, shared: bool) -> None:
    """Let them do so from now on, or not."""
    domains.refuse_alias(own, "share the suppression lists of")
    tx.execute("DELETE FROM suppression_sharing WHERE domain_id = :id", id=own.id)
    if shared:
        tx.execute("INSERT INTO suppression_sharing (domain_id) VALUES (:id)", id=own.id)


def sharing(tx: Tx) -> frozenset[str]:
    """The A-label names of the domains that do."""
    rows = tx.all(
        "SELECT d.name FROM suppression_sharing s JOIN domain d ON d.id = s.domain_id"
        " ORDER BY d.name"
    )
    return frozenset(row[0] for row in rows)


def find(tx: Tx, domain_id: int, address: str, now: int) -> tuple[str, Suppressed] | None:
    """Why no account of a domain writes to an address now: its A-label name, and the entry."""
    row = tx.one(
        f"SELECT d.name, {_ENTRY} FROM {_OF_ADDRESS} AND s.kind <> 'hand' AND s.until > :now"
        " ORDER BY s.until DESC, s.account_id LIMIT 1",
        address=suppressions.key(address),
        domain=domain_id,
        now=now,
    )
    return None if row is None else (row[0], Suppressed(*row[1:]))


def of_address(tx: Tx, domain_id: int, address: str, limit: int) -> list[OfAccount]:
    """On which lists an address stands, the oldest account first."""
    rows = tx.all(
        f"SELECT s.account_id, a.written, d.name, {_ENTRY} FROM {_OF_ADDRESS}"
        " ORDER BY s.account_id LIMIT :limit",
        address=suppressions.key(address),
        domain=domain_id,
        limit=limit,
    )
    return [OfAccount(row[0], f"{row[1]}@{row[2]}", Suppressed(*row[3:])) for row in rows]


def page(
    tx: Tx, domain_id: int, *, after: Key = (0, ""), begins: str = "", limit: int
) -> list[OfAccount]:
    """A part of all, by account and address; ``begins`` as for one account."""
    found: list[OfAccount] = []
    first, beyond = after
    for account_id, account in _lists(tx, domain_id, first):
        some = suppressions.page(
            tx,
            account_id,
            after=beyond if account_id == first else "",
            begins=begins,
            limit=limit - len(found),
        )
        found += [OfAccount(account_id, account, one) for one in some]
        if len(found) >= limit:
            break
    return found


def count(tx: Tx, domain_id: int) -> int:
    """How many entries there are together."""
    return number(tx, f"SELECT coalesce(sum(u.entries), 0) FROM {_LISTS}", domain=domain_id)


def accounts(tx: Tx, domain_id: int) -> int:
    """How many accounts have anybody on their list."""
    return number(tx, f"SELECT count(*) FROM {_LISTS}", domain=domain_id)


def remove(tx: Tx, domain_id: int, address: str) -> int:
    """Take an address off some of the lists; how many. Call it again until there are none."""
    some = of_address(tx, domain_id, address, TOGETHER)
    for one in some:
        suppressions.remove(tx, one.account_id, [one.entry.address])
    return len(some)


def _lists(tx: Tx, domain_id: int, first: int) -> Iterator[tuple[int, str]]:
    """The accounts from this one on that have anybody on their list."""
    while True:
        rows = tx.all(
            f"SELECT u.account_id, a.written, d.name FROM {_LISTS} AND u.account_id >= :first"
            " ORDER BY u.account_id LIMIT :limit",
            domain=domain_id,
            first=first,
            limit=TOGETHER,
        )
        for ident, written, name in rows:
            yield ident, f"{written}@{name}"
        if len(rows) < TOGETHER:
            return
        first = rows[-1][0] + 1
