"""The one name space of accounts and aliases: rows of ``address``.

A name is (domain, key of the local part). Names in an alias domain are the names of the
domain it stands for. What refers to a name (alias targets, catch-alls) refers to it as
text and follows when it is renamed.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from postroom.address import Address, Domain
from postroom.db.database import ConstraintFailed, Tx
from postroom.directory import domains
from postroom.directory.domains import OwnDomain
from postroom.directory.list_keys import SEPARATOR
from postroom.directory.names import fold, is_role
from postroom.directory.patterns import is_pattern
from postroom.errors import AlreadyExists, NotFound

_CHUNK: Final = 100  # ids a query
# Where a row refers to one name: table, its key, local part, domain.
_SINGLE: Final = (
    ("domain", "id", "catch_local", "catch_domain"),
    ("journal", "domain_id", "local", "domain"),
)


class Name(msgspec.Struct, frozen=True):
    """A name that is taken, by an account or by an alias."""

    id: int
    address: Address
    account_id: int | None
    alias_id: int | None
    is_main: bool


def find(tx: Tx, address: Address) -> Name | None:
    """Who holds exactly this name (no subaddress, no catch-all)."""
    own = domains.target(tx, address.domain)
    if own is None:
        return None
    row = tx.one(
        "SELECT id, written, account_id, alias_id, main FROM address"
        " WHERE domain_id = :domain AND canonical = :canonical AND live = 1",
        domain=own.id,
        canonical=own.policy.canonical(address.local),
    )
    if row is None:
        return None
    return Name(row[0], Address(row[1], Domain(own.name)), row[2], row[3], bool(row[4]))


def home(tx: Tx, address: Address) -> OwnDomain:
    """The domain in which ``address`` may be made; refused for alias domains."""
    own = domains.require(tx, address.domain)
    if own.alias_of:
        raise NotFound(
            f"{own.name} is an alias of {own.alias_of}: {address.local}@{own.alias_of}"
            f" also receives as {address}; add it there"
        )
    return own


def room(tx: Tx, address: Address) -> OwnDomain:
    """As ``home``; refused as well for a name that somebody has."""
    own = home(tx, address)
    _refuse_taken(tx, address)
    _refuse_further(tx, own, address)
    return own


def claim(
    tx: Tx,
    ident: int,
    address: Address,
    *,
    account_id: int | None = None,
    alias_id: int | None = None,
    is_main: bool = False,
) -> None:
    """Give the name to an account or an alias."""
    own = room(tx, address)
    try:
        tx.execute(
            "INSERT INTO address (id, domain_id, canonical, written, account_id, alias_id, main,"
            " live, is_pattern)"
            " VALUES (:id, :domain, :canonical, :written, :account, :alias, :main, 1, :pattern)",
            id=ident,
            domain=own.id,
            canonical=own.policy.canonical(address.local),
            written=address.local,
            account=account_id,
            alias=alias_id,
            main=int(is_main),
            pattern=int(alias_id is not None and is_pattern(address.local)),
        )
    except ConstraintFailed:  # another process was faster (PostgreSQL)
        raise AlreadyExists(f"{address} is taken") from None


def move(tx: Tx, name: Name, new: Address) -> None:
    """Turn one name into another; what refers to it follows."""
    own = home(tx, new)
    _refuse_taken(tx, new, besides=name.id)
    _refuse_further(tx, own, new)
    tx.execute(
        "UPDATE address SET domain_id = :domain, canonical = :canonical, written = :written,"
        " is_pattern = :pattern WHERE id = :id",
        id=name.id,
        domain=own.id,
        canonical=own.policy.canonical(new.local),
        written=new.local,
        pattern=int(name.alias_id is not None and is_pattern(new.local)),
    )
    follow(tx, name.address, new)


def release(tx: Tx, name: Name) -> None:
    """Free an address: another account or alias may take it."""
    tx.execute("DELETE FROM address WHERE id = :id", id=name.id)


def follow(tx: Tx, old: Address, new: Address) -> None:
    """Make all that names ``old`` name ``new``; details stay.

    That is targets of aliases, members of lists, catch-alls and journals.
    """
    own = domains.find(tx, old.domain.ascii)
    if own is None:
        return
    key = own.policy.canonical(old.local)
    for domain in [own.name, *domains.aliases(tx, own)]:
        for alias_id, position, local in _targets_like(tx, domain, fold(old.local)):
            moved = _moved(own, key, local, new.local)
            if moved is not None:
                tx.execute(
                    "UPDATE alias_target SET local = :local, domain = :domain, folded = :folded"
                    " WHERE alias_id = :alias AND position = :position",
                    alias=alias_id,
                    position=position,
                    local=moved,
                    domain=new.domain.ascii,
                    folded=fold(moved),
                )
        for ident, local in _members_like(tx, domain, fold(old.local)):
            moved = _moved(own, key, local, new.local)
            if moved is not None:
                _move_member(tx, ident, Address(moved, new.domain))
        for table, key_of, local_of, domain_of in _SINGLE:
            for ident, local in tx.all(
                f"SELECT {key_of}, {local_of} FROM {table} WHERE {domain_of} = :domain",
                domain=domain,
            ):
                moved = _moved(own, key, local, new.local)
                if moved is not None:
                    tx.execute(
                        f"UPDATE {table} SET {local_of} = :local, {domain_of} = :domain"
                        f" WHERE {key_of} = :id",
                        id=ident,
                        local=moved,
                        domain=new.domain.ascii,
                    )


def named_by(tx: Tx, address: Address) -> list[str]:
    """What names this address: aliases and mailing lists; catch-alls and journals as ``@domain``."""
    own = domains.target(tx, address.domain)
    if own is None:
        return []
    key = own.policy.canonical(address.local)
    found: dict[str, None] = {}
    for domain in [own.name, *domains.aliases(tx, own)]:
        for alias_id, _, local in _targets_like(tx, domain, fold(address.local)):
            if _moved(own, key, local, "") is not None:
                row = tx.one(
                    "SELECT a.written, d.name FROM address a JOIN domain d ON d.id = a.domain_id"
                    " WHERE a.alias_id = :alias",
                    alias=alias_id,
                )
                if row is not None:
                    found[str(Address(row[0], Domain(row[1])))] = None
        members = [
            ident
            for ident, local in _members_like(tx, domain, fold(address.local))
            if _moved(own, key, local, "") is not None
        ]
        found |= dict.fromkeys(_lists_of(tx, members))
        for name, local in tx.all(
            "SELECT name, catch_local FROM domain WHERE catch_domain = :domain"
            " UNION ALL SELECT d.name, j.local FROM journal j JOIN domain d ON d.id = j.domain_id"
            " WHERE j.domain = :domain ORDER BY 1",
            domain=domain,
        ):
            if _moved(own, key, local, "") is not None:
                found[f"@{name}"] = None
    return list(found)


def aliases_naming(tx: Tx, address: Address) -> list[int]:
    """The aliases that have this name, or a subaddress that leads to it, among their targets."""
    own = domains.target(tx, address.domain)
    if own is None:
        return []
    key = own.policy.canonical(address.local)
    return [
        alias_id
        for domain in [own.name, *domains.aliases(tx, own)]
        for alias_id, _, local in _targets_like(tx, domain, fold(address.local))
        if _leads_to(tx, own, local, key)
    ]


def of_aliases(tx: Tx, alias_ids: Sequence[int]) -> dict[int, Address]:
    """The names of these aliases; one by which an account forwards has none."""
    return {
        ident: Address(local, Domain(domain))
        for chunk in chunks(alias_ids)
        for ident, local, domain in tx.all(
            "SELECT a.alias_id, a.written, d.name FROM address a"
            f" JOIN domain d ON d.id = a.domain_id WHERE a.alias_id IN ({listed(chunk)})"
        )
    }


def of_account(tx: Tx, account_id: int) -> list[tuple[int, Address]]:
    """Every name of an account, each after the id of its domain."""
    rows = tx.all(
        "SELECT d.id, a.written, d.name FROM address a JOIN domain d ON d.id = a.domain_id"
        " WHERE a.account_id = :account AND a.live = 1 ORDER BY a.id",
        account=account_id,
    )
    return [(ident, Address(local, Domain(domain))) for ident, local, domain in rows]


def main_of(
    tx: Tx, account_ids: Sequence[int], *, also_removed: bool = False
) -> dict[int, Address]:
    """The main addresses of those that are not removed, or of all that can be restored as well."""
    present = "" if also_removed else " AND c.removed IS NULL"
    return {
        ident: Address(local, Domain(domain))
        for chunk in chunks(account_ids)
        for ident, local, domain in tx.all(
            "SELECT a.account_id, a.written, d.name FROM address a"
            " JOIN domain d ON d.id = a.domain_id JOIN account c ON c.id = a.account_id"
            f" WHERE a.account_id IN ({listed(chunk)}) AND a.main = 1{present}"
        )
    }


def listed(ids: Sequence[int]) -> str:
    """Ids for ``IN (..)``: numbers of ours, so they stand in the text."""
    return ", ".join(f"{ident:d}" for ident in ids)


def chunks(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    """A few ids at a time, one query each."""
    for start in range(0, len(ids), _CHUNK):
        yield ids[start : start + _CHUNK]


def _leads_to(tx: Tx, own: OwnDomain, local: str, key: str) -> bool:
    """Whether mail for ``local`` comes to the name ``key``: the longest name there is wins."""
    for reading in [own.policy.canonical(local), *(base for base, _ in own.policy.bases(local))]:
        if reading == key:
            return True
        if is_role(reading) or find(tx, Address(reading, Domain(own.name))) is not None:
            return False
    return False


def _refuse_taken(tx: Tx, address: Address, besides: int = 0) -> None:
    taken = find(tx, address)
    if taken is None or taken.id == besides:
        return
    kind = "an account" if taken.alias_id is None else _kind(tx, taken.alias_id)
    kind = kind if taken.is_main or taken.alias_id is not None else "an address of an account"
    raise AlreadyExists(f"{taken.address} is {kind} already")


def _kind(tx: Tx, alias_id: int) -> str:
    is_list = tx.one("SELECT 1 FROM mailing_list WHERE alias_id = :id", id=alias_id) is not None
    return "a mailing list" if is_list else "an alias"


def _refuse_further(tx: Tx, own: OwnDomain, address: Address) -> None:
    """What stands behind the name of a mailing list belongs to it."""
    base, plus, _ = address.local.partition(SEPARATOR)
    if not plus or not base:
        return
    found = find(tx, Address(base, Domain(own.name)))
    if found is None or found.alias_id is None or _kind(tx, found.alias_id) == "an alias":
        return
    raise AlreadyExists(
        f"addresses that begin with {base}{SEPARATOR} belong to the mailing list {found.address}"
    )


def _targets_like(tx: Tx, domain: str, folded: str) -> list[tuple[int, int, str]]:
    """Targets whose local part begins with ``folded``: the name itself and subaddresses."""
    return [
        (row[0], row[1], row[2])
        for row in tx.all(
            "SELECT alias_id, position, local FROM alias_target"
            " WHERE domain = :domain AND folded >= :low AND folded < :high"
            " ORDER BY alias_id, position",
            domain=domain,
            low=folded,
            high=folded + "\U0010ffff",
        )
    ]


def _members_like(tx: Tx, domain: str, folded: str) -> list[tuple[int, str]]:
    """The same of people in mailing lists."""
    rows = tx.all(
        "SELECT id, local FROM list_member WHERE domain = :domain AND folded >= :low"
        " AND folded < :high ORDER BY id",
        domain=domain,
        low=folded,
        high=folded + "\U0010ffff",
    )
    return [(ident, local) for ident, local in rows]


def _lists_of(tx: Tx, members: Sequence[int]) -> list[str]:
    """The mailing lists that these are in."""
    return [
        str(Address(written, Domain(domain)))
        for chunk in chunks(members)
        for written, domain in tx.all(
            "SELECT a.written, d.name FROM list_member m JOIN address a ON a.alias_id = m.alias_id"
            f" JOIN domain d ON d.id = a.domain_id WHERE m.id IN ({listed(chunk)})"
        )
    ]


def _move_member(tx: Tx, ident: int, new: Address) -> None:
    """Who is in the list by the new address already stays so."""
    tx.execute(
        "DELETE FROM list_member WHERE id = :id AND EXISTS (SELECT 1 FROM list_member o"
        " WHERE o.alias_id = list_member.alias_id AND o.role = list_member.role"
        " AND o.key = :key AND o.id <> :id)",
        id=ident,
        key=f"{new.local.casefold()}@{new.domain.ascii}",
    )
    tx.execute(
        "UPDATE list_member SET local = :local, domain = :domain, folded = :folded, key = :key"
        " WHERE id = :id",
        id=ident,
        local=new.local,
        domain=new.domain.ascii,
        folded=fold(new.local),
        key=f"{new.local.casefold()}@{new.domain.ascii}",
    )


def _moved(own: OwnDomain, key: str, local: str, new: str) -> str | None:
    """``local`` under its new name, or None when it is another name."""
    if own.policy.canonical(local) == key:
        return new
    for base, detail in own.policy.bases(local):
        if base == key:
            return new + local[len(local) - len(detail) - 1] + detail
    return None
