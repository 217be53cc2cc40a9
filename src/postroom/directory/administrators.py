"""Who administers what: rows of ``domain_admin``, as functions of an open transaction.

An *owner* (``account.is_admin``) may do everything, an *admin* what belongs to the domains that
stand here, a *person* what belongs to their own account. A domain that is an alias of another
belongs to whoever administers that one.
"""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from postroom.db.database import Tx

Role = Literal["owner", "admin", "person"]

MAX_DOMAINS: Final = 1_000
"""Domains of one administrator; who has more of them is an owner."""

IN_REACH: Final = "IN (SELECT domain_id FROM domain_admin WHERE account_id = :within)"
"""Condition on a domain's id; ``within`` is the account of an administrator."""


class Powers(msgspec.Struct, frozen=True):
    """What an account may do. ``domains``: A-labels of those it administers, sorted."""

    role: Role = "person"
    domains: tuple[str, ...] = ()


def of(tx: Tx, account_id: int) -> Powers:
    """The powers of an account."""
    return among(tx, [account_id]).get(account_id, Powers())


def among(tx: Tx, account_ids: Sequence[int]) -> dict[int, Powers]:
    """The powers of those of these accounts that are more than persons."""
    if not account_ids:
        return {}
    names = {f"n{place}": ident for place, ident in enumerate(account_ids)}
    chosen = ", ".join(f":{name}" for name in names)
    found = {
        row[0]: Powers("owner")
        for row in tx.all(
            f"SELECT id FROM account WHERE is_admin = 1 AND id IN ({chosen})", **names
        )
    }
    for ident, domain in tx.all(
        "SELECT s.account_id, d.name FROM domain_admin s JOIN domain d ON d.id = s.domain_id"
        f" WHERE d.removed IS NULL AND s.account_id IN ({chosen}) ORDER BY d.name",
        **names,
    ):
        if ident not in found or found[ident].role == "admin":
            before = found.get(ident, Powers("admin"))
            found[ident] = Powers("admin", (*before.domains, domain))
    return found


def assign(tx: Tx, account_id: int, domain_ids: Sequence[int]) -> None:
    """Let an account administer these domains and no others."""
    tx.execute("DELETE FROM domain_admin WHERE account_id = :id", id=account_id)
    tx.many(
        "INSERT INTO domain_admin (account_id, domain_id) VALUES (?, ?)",
        [(account_id, domain) for domain in dict.fromkeys(domain_ids)],
    )


def reach(tx: Tx, within: int) -> frozenset[str]:
    """The A-labels of all domains of an administrator, aliases of them as well."""
    rows = tx.all(
        f"SELECT name FROM domain WHERE removed IS NULL AND (id {IN_REACH} OR alias_of {IN_REACH})",
        within=within,
    )
    return frozenset(row[0] for row in rows)


def reaches_domain(tx: Tx, within: int, name: str) -> bool:
    """Whether the domain of this A-label name is one of an administrator, or an alias of one."""
    return (
        tx.one(
            "SELECT 1 FROM domain WHERE name = :name AND removed IS NULL"
            f" AND (id {IN_REACH} OR alias_of {IN_REACH})",
            name=name,
            within=within,
        )
        is not None
    )


def reaches_account(tx: Tx, within: int, account_id: int) -> bool:
    """Whether the main address of an account is in a domain of an administrator."""
    return (
        tx.one(
            f"SELECT 1 FROM address WHERE account_id = :id AND main = 1 AND domain_id {IN_REACH}",
            id=account_id,
            within=within,
        )
        is not None
    )


def may_touch(tx: Tx, within: int, account_id: int) -> bool:
    """Whether an administrator may change this account: it can do nothing that they can't."""
    powers = of(tx, account_id)
    return powers.role != "owner" and set(powers.domains) <= set(of(tx, within).domains)
