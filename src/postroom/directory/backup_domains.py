"""Domains of others that we are a backup MX for: rows of ``backup_domain``.

Nobody has an address in them here. Mail for them is taken from anybody, and goes on to the
servers that stand before us in their MX records (RFC 5321 §5.1).
"""

from typing import Final

import msgspec

from postroom.address import Domain
from postroom.db.database import Row, Tx, number
from postroom.directory import domains
from postroom.errors import Invalid, NotFound

_COLUMNS: Final = "name, created"
_MATCHING: Final = "(:search = '' OR instr(name, :search) > 0)"


class BackupDomain(msgspec.Struct, frozen=True):
    """One of them; ``name`` in A-labels, ``created`` is UTC milliseconds."""

    name: str
    created: int


def find(tx: Tx, domain: Domain) -> BackupDomain | None:
    """The domain, if we are a backup MX for it."""
    row = tx.one(f"SELECT {_COLUMNS} FROM backup_domain WHERE name = :name", name=domain.ascii)
    return None if row is None else _read(row)


def page(tx: Tx, after: str, limit: int, search: str) -> list[BackupDomain]:
    """The next ones by name whose name contains ``search``."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM backup_domain WHERE name > :after AND {_MATCHING}"
        " ORDER BY name LIMIT :limit",
        after=after,
        search=search,
        limit=limit,
    )
    return [_read(row) for row in rows]


def count(tx: Tx, search: str = "") -> int:
    """How many there are whose name contains ``search``."""
    return number(tx, f"SELECT count(*) FROM backup_domain WHERE {_MATCHING}", search=search)


def add(tx: Tx, domain: Domain, now: int) -> BackupDomain:
    """Take its mail for its own servers. Raises AlreadyExists for one that is served here."""
    if domain.is_literal:
        raise Invalid(f"{domain} is an address literal; a domain needs a name")
    domains.refuse_taken(tx, domain)
    tx.execute(
        f"INSERT INTO backup_domain ({_COLUMNS}) VALUES (:name, :now)",
        name=domain.ascii,
        now=now,
    )
    return BackupDomain(domain.ascii, now)


def remove(tx: Tx, domain: Domain) -> BackupDomain:
    """Take no more mail for it; what is queued still goes on."""
    found = find(tx, domain)
    if found is None:
        raise NotFound(f"this server is no backup MX for {domain.unicode}")
    tx.execute("DELETE FROM backup_domain WHERE name = :name", name=domain.ascii)
    return found


def _read(row: Row) -> BackupDomain:
    return BackupDomain(row[0], row[1])
