"""Journals: the address that gets a copy of every message to or from a domain.

A domain that is an alias of another has the journal of that one. Functions of an open transaction.
"""

from postroom.address import Address, Domain
from postroom.db.database import Tx
from postroom.directory import domains
from postroom.directory.domains import OwnDomain


def of(tx: Tx, name: str) -> Address | None:
    """Where the journal of the domain with this A-label name goes; None: it has none."""
    row = tx.one(
        "SELECT j.local, j.domain FROM domain d"
        " JOIN journal j ON j.domain_id = coalesce(d.alias_of, d.id)"
        " WHERE d.name = :name AND d.removed IS NULL",
        name=name,
    )
    return None if row is None else Address(row[0], Domain(row[1]))


def any_kept(tx: Tx) -> bool:
    """Whether a domain has a journal."""
    return tx.one("SELECT 1 FROM journal LIMIT 1") is not None


def put(tx: Tx, own: OwnDomain, address: Address | None) -> None:
    """From now on the journal of a domain goes there; None ends it."""
    domains.refuse_alias(own, "set the journal of")
    tx.execute("DELETE FROM journal WHERE domain_id = :id", id=own.id)
    if address is not None:
        tx.execute(
            "INSERT INTO journal (domain_id, local, domain) VALUES (:id, :local, :domain)",
            id=own.id,
            local=address.local,
            domain=address.domain.ascii,
        )
