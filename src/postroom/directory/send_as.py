"""Grants: addresses that an account may send as, besides those it owns.

A grant is of one address (with its subaddresses), or of a whole own domain. It is kept as
it was written and compared under the policy its domain has now; in alias domains names are
those of the domain they stand for. An address elsewhere may be granted as well: whether the
world believes it is for the DNS of that domain to say.

RFC 6409 §6.1 leaves to the site who may send as whom.
"""

from collections.abc import Sequence

import msgspec

from postroom.address import Address, Domain
from postroom.db.database import Tx
from postroom.directory import domains
from postroom.directory.names import DEFAULT, Policy
from postroom.errors import AlreadyExists, NotFound


class Grant(msgspec.Struct, frozen=True):
    """One address, or with ``local`` "" a whole domain (A-labels)."""

    local: str
    domain: str

    @property
    def written(self) -> str:
        """As a person writes it: ``sales@example.org``, ``@example.org``."""
        if not self.local:
            return f"@{self.domain}"
        return str(Address(self.local, Domain(self.domain)))


class Granted(msgspec.Struct, frozen=True):
    """What an account may send as in one domain: keys of local parts under its policy."""

    policy: Policy
    is_whole: bool
    keys: frozenset[str]

    def covers(self, local: str) -> bool:
        """True when a local part of the domain is granted."""
        if self.is_whole or self.policy.canonical(local) in self.keys:
            return True
        return any(base in self.keys for base, _ in self.policy.bases(local))


def of(tx: Tx, account_id: int) -> list[Grant]:
    """Every grant of an account, by domain."""
    return [
        Grant(local, domain)
        for local, domain in tx.all(
            "SELECT local, domain FROM send_as WHERE account_id = :account ORDER BY domain, local",
            account=account_id,
        )
    ]


def within(tx: Tx, account_id: int, domain: str) -> Granted:
    """What is granted to an account in a domain, or in the one it stands for."""
    own = domains.target(tx, Domain(domain))
    policy = DEFAULT if own is None else own.policy
    grants = [one for one in of(tx, account_id) if _names(tx, one.domain) == _names(tx, domain)]
    return Granted(
        policy,
        any(not one.local for one in grants),
        frozenset(policy.canonical(one.local) for one in grants if one.local),
    )


def add(tx: Tx, account_id: int, grant: Grant) -> None:
    """Allow it. A whole domain must be an own one (NotFound)."""
    if not grant.local:
        domains.require(tx, Domain(grant.domain))
    if _same(tx, of(tx, account_id), grant) is not None:
        raise AlreadyExists(f"sending as {grant.written} is allowed already")
    tx.execute(
        "INSERT INTO send_as (account_id, domain, local) VALUES (:account, :domain, :local)",
        account=account_id,
        domain=grant.domain,
        local=grant.local,
    )


def remove(tx: Tx, account_id: int, grant: Grant) -> None:
    """Take it back. Raises NotFound when it was not given."""
    found = _same(tx, of(tx, account_id), grant)
    if found is None:
        raise NotFound(f"sending as {grant.written} was not allowed, so there is nothing to remove")
    tx.execute(
        "DELETE FROM send_as WHERE account_id = :account AND domain = :domain AND local = :local",
        account=account_id,
        domain=found.domain,
        local=found.local,
    )


def follow(tx: Tx, old: str, new: str) -> None:
    """A domain has a new name; what was granted in it stays granted."""
    tx.execute("UPDATE send_as SET domain = :new WHERE domain = :old", new=new, old=old)


def _same(tx: Tx, grants: Sequence[Grant], grant: Grant) -> Grant | None:
    own = domains.target(tx, Domain(grant.domain))
    policy = DEFAULT if own is None else own.policy
    for one in grants:
        if _names(tx, one.domain) == _names(tx, grant.domain) and (
            policy.canonical(one.local) == policy.canonical(grant.local)
        ):
            return one
    return None


def _names(tx: Tx, domain: str) -> str:
    own = domains.target(tx, Domain(domain))
    return domain if own is None else own.name
