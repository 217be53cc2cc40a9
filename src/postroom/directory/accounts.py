"""Accounts: rows of ``account``, as functions of an open transaction.

States: live (receives, may log in), disabled (neither; names stay taken), removed (not
there for mail or login; names are free; row and mail are kept 30 days and may be
restored, then purged). One account may be of kind ``holding``: it takes the letters to
postmaster and abuse until there is an admin, and becomes a person's account when one is
added under its address.
"""

from typing import Any, Final, Literal

import msgspec

from postroom.address import Address, Domain
from postroom.db.database import Tx, number
from postroom.directory import addresses, allotments, domains, scripts, senders, shares
from postroom.directory.administrators import IN_REACH
from postroom.directory.names import DEFAULT
from postroom.directory.shares import Grantee
from postroom.errors import AlreadyExists, Invalid, NotFound
from postroom.quota import Quota

KEPT_MS: Final = 30 * 24 * 3600 * 1000
MOST_OWNERS: Final = 100  # told of what concerns the server
HOLDING_LOCAL: Final = "postmaster"

_COLUMNS: Final = (
    "c.id, c.kind, c.name, c.is_admin, c.disabled, c.quota, c.message_quota, c.created,"
    " c.removed, a.written, d.name, a.canonical"
)
_JOINED: Final = (
    "domain d JOIN address a ON a.domain_id = d.id JOIN account c ON c.id = a.account_id"
)

# The same, in this order of loops on SQLite: few accounts are looked for, by an index of their own.
_FEW: Final = (
    "account c CROSS JOIN address a CROSS JOIN domain d"
    " WHERE a.account_id = c.id AND a.main = 1 AND d.id = a.domain_id"
)

# The same, in this order of loops on SQLite: pages come sorted out of the indexes.
_IN_ORDER: Final = (
    "domain d CROSS JOIN address a CROSS JOIN account c"
    " WHERE a.domain_id = d.id AND c.id = a.account_id AND a.main = 1"
)


class Account(msgspec.Struct, frozen=True):
    """An account and its main address. ``removed`` is milliseconds, None while it lives."""

    id: int
    address: Address
    kind: Literal["person", "holding"]
    name: str
    is_admin: bool
    is_disabled: bool
    quota: Quota
    created: int
    removed: int | None
    key: tuple[str, str, int]
    """Domain, canonical local part, id: where a list goes on."""


class Scram(msgspec.Struct, frozen=True):
    """What all credentials of an account share (RFC 5802 §3)."""

    salt: bytes
    iterations: int


def by_id(tx: Tx, ident: int) -> Account | None:
    """The account, removed or not."""
    row = tx.one(
        f"SELECT {_COLUMNS} FROM {_JOINED} WHERE c.id = :id AND a.account_id = :id AND a.main = 1",
        id=ident,
    )
    return _account(row) if row else None


def find(tx: Tx, address: Address) -> Account | None:
    """The live account that holds exactly this name, as main or further address."""
    name = addresses.find(tx, address)
    if name is None or name.account_id is None:
        return None
    return by_id(tx, name.account_id)


def require(tx: Tx, address: Address) -> Account:
    """The live account, or a refusal that says what there is instead."""
    name = addresses.find(tx, address)
    if name is not None and name.alias_id is not None:
        raise NotFound(f"{name.address} is an alias, not an account; see: postroom alias")
    found = find(tx, address) or holding(tx, address)
    if found is not None:
        return found
    domains.require(tx, address.domain)
    if latest_removed(tx, address) is not None:
        raise NotFound(
            f"{address} was removed; run: postroom account restore {address} while its mail is kept"
        )
    raise NotFound(f"no account {address}; see: postroom account list")


def holding(tx: Tx, address: Address | None = None) -> Account | None:
    """The holding account, if there is one (and if its address is ``address``)."""
    row = tx.one(
        f"SELECT {_COLUMNS} FROM {_FEW}"
        " AND c.kind = 'holding' AND c.removed IS NULL ORDER BY c.id LIMIT 1"
    )
    found = _account(row) if row else None
    if found is None or address is None:
        return found
    same = (address.local.lower(), address.domain) == (HOLDING_LOCAL, found.address.domain)
    return found if same else None


def first_admin(tx: Tx) -> Account | None:
    """The oldest administrator who may log in; None before there is one."""
    row = tx.one(
        f"SELECT {_COLUMNS} FROM {_FEW} AND c.is_admin = 1 AND c.disabled = 0"
        " AND c.removed IS NULL ORDER BY c.id LIMIT 1"
    )
    return _account(row) if row else None


def owners(tx: Tx) -> list[Account]:
    """All administrators who may log in, at most ``MOST_OWNERS``, the oldest first."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM {_FEW} AND c.is_admin = 1 AND c.disabled = 0"
        " AND c.removed IS NULL ORDER BY c.id LIMIT :most",
        most=MOST_OWNERS,
    )
    return [_account(row) for row in rows]


def latest_removed(tx: Tx, address: Address) -> Account | None:
    """The account removed last whose main address was this."""
    own = domains.target(tx, address.domain)
    key = (own.policy if own else DEFAULT).canonical(address.local)
    row = tx.one(
        f"SELECT {_COLUMNS} FROM {_JOINED} WHERE d.name = :domain AND a.canonical = :key"
        " AND a.live = 0 AND a.main = 1 AND c.removed IS NOT NULL"
        " ORDER BY c.removed DESC, c.id DESC LIMIT 1",
        domain=own.name if own else address.domain.ascii,
        key=key,
    )
    return _account(row) if row else None


def page(
    tx: Tx,
    after: tuple[str, str, int],
    limit: int,
    *,
    search: str = "",
    removed: bool = False,
    within: int | str | None = None,
) -> list[Account]:
    """The next accounts by domain, then local part. First the rest of the domain, then on.

    ``within``: only those in the domains of this administrator, or in the domain of this
    A-label name.
    """
    where, given = _matching(search, removed=removed, within=within)
    domain, canonical, ident = after
    select = f"SELECT {_COLUMNS} FROM {_IN_ORDER} AND {where}"
    rows = tx.all(
        f"{select} AND d.name = :domain AND a.canonical >= :canonical"
        " AND (a.canonical > :canonical OR c.id > :id)"
        " ORDER BY a.canonical, c.id LIMIT :limit",
        domain=domain,
        canonical=canonical,
        id=ident,
        limit=limit,
        **given,
    )
    if len(rows) < limit:
        rows += tx.all(
            f"{select} AND d.name > :domain ORDER BY d.name, a.canonical, c.id LIMIT :limit",
            domain=domain,
            limit=limit - len(rows),
            **given,
        )
    return [_account(row) for row in rows]


def count(tx: Tx, search: str = "", *, within: int | str | None = None) -> int:
    """How many accounts that were not removed match, ``within`` as in ``page``."""
    where, given = _matching(search, removed=False, within=within)
    return number(tx, f"SELECT count(*) FROM {_IN_ORDER} AND {where}", **given)


def _matching(
    search: str, *, removed: bool, within: int | str | None
) -> tuple[str, dict[str, object]]:
    """The condition of a list, and its parameters."""
    where = "c.removed IS NOT NULL AND a.live = 0" if removed else "c.removed IS NULL"
    given: dict[str, object] = {}
    if within is not None:
        where += f" AND d.{'name = :within' if isinstance(within, str) else f'id {IN_REACH}'}"
        given["within"] = within
    if not search:
        return where, given
    where += (
        " AND (instr(a.canonical || '@' || d.name, :search) > 0"
        " OR instr(lower(c.name), :search) > 0)"
    )
    return where, given | {"search": search}


def add(tx: Tx, account: Account, scram: Scram, address_id: int) -> Account:
    """Make the account; a holding account of that address becomes it, with its mail."""
    held = holding(tx, account.address)
    if held is not None:
        return _adopt(tx, held, account, scram)
    own = addresses.home(tx, account.address)
    octets = allotments.quota(tx, own, account.quota.octets)
    tx.execute(
        "INSERT INTO account (id, kind, name, is_admin, disabled, quota, message_quota, revision,"
        " scram_salt, scram_iterations, created) VALUES (:id, :kind, :name, :admin, 0, :octets,"
        " :messages, 0, :salt, :iterations, :created)",
        id=account.id,
        kind=account.kind,
        name=account.name,
        admin=int(account.is_admin),
        octets=octets,
        messages=account.quota.messages,
        salt=scram.salt,
        iterations=scram.iterations,
        created=account.created,
    )
    addresses.claim(tx, address_id, account.address, account_id=account.id, is_main=True)
    allotments.admit_account(tx, own, octets)
    return account


def add_holding(tx: Tx, ident: int, address_id: int, scram: Scram, now: int) -> Account | None:
    """The holding account at the first own domain; None when there is no domain."""
    present = holding(tx)
    own = domains.first(tx)
    if present is not None or own is None:
        return present
    tx.execute(
        "INSERT INTO account (id, kind, name, is_admin, disabled, quota, revision, scram_salt,"
        " scram_iterations, created) VALUES (:id, 'holding', 'Held for the postmaster', 0, 0, 0,"
        " 0, :salt, :iterations, :now)",
        id=ident,
        salt=scram.salt,
        iterations=scram.iterations,
        now=now,
    )
    tx.execute(
        "INSERT INTO address (id, domain_id, canonical, written, account_id, main, live)"
        " VALUES (:id, :domain, :local, :local, :account, 1, 0)",
        id=address_id,
        domain=own.id,
        local=HOLDING_LOCAL,
        account=ident,
    )
    return holding(tx)


def change(
    tx: Tx,
    account: Account,
    *,
    name: str | None = None,
    is_admin: bool | None = None,
    quota: Quota | None = None,
    is_disabled: bool | None = None,
) -> None:
    """Set what is given. Open logins end at the next check of the revision."""
    if account.kind == "holding" and (is_admin or is_disabled):
        raise Invalid(
            f"{account.address} is the holding account; run: postroom account add {account.address}"
        )
    limits = account.quota if quota is None else quota
    tx.execute(
        "UPDATE account SET name = :name, is_admin = :admin, quota = :octets,"
        " message_quota = :messages, disabled = :disabled, revision = revision + 1 WHERE id = :id",
        id=account.id,
        name=account.name if name is None else name,
        admin=int(account.is_admin if is_admin is None else is_admin),
        octets=limits.octets,
        messages=limits.messages,
        disabled=int(account.is_disabled if is_disabled is None else is_disabled),
    )
    if limits.octets != account.quota.octets and not 0 < limits.octets < account.quota.octets:
        own = domains.target(tx, account.address.domain)
        if own is not None:
            allotments.admit_quota(tx, own, limits.octets)


def rename(tx: Tx, account: Account, new: Address, *, keep_id: int | None) -> None:
    """Give the account another main address; with ``keep_id`` the old one stays as well."""
    if account.kind == "holding":
        raise Invalid(f"{account.address} is the holding account; it can't be renamed")
    old = addresses.find(tx, account.address)
    if old is None:
        raise NotFound(f"no account {account.address}")
    taken = addresses.find(tx, new)
    if taken is not None and taken.account_id == account.id and taken.id != old.id:
        addresses.release(tx, taken)  # a further address of its own becomes the main one
    addresses.move(tx, old, new)
    if new.domain != account.address.domain:
        allotments.admit_account(tx, addresses.home(tx, new), account.quota.octets)
    if keep_id is not None and addresses.find(tx, old.address) is None:
        addresses.claim(tx, keep_id, old.address, account_id=account.id)
    bump(tx, account.id)


def bump(tx: Tx, ident: int) -> None:
    """What was remembered of logins of this account is no longer true."""
    tx.execute("UPDATE account SET revision = revision + 1 WHERE id = :id", id=ident)


def remove(tx: Tx, account: Account, now: int) -> None:
    """Free its names; the row, its credentials and its mail stay."""
    tx.execute(
        "UPDATE account SET removed = :now, revision = revision + 1 WHERE id = :id",
        now=now,
        id=account.id,
    )
    tx.execute("UPDATE address SET live = 0 WHERE account_id = :id", id=account.id)


def restore(tx: Tx, account: Account) -> list[Address]:
    """Bring a removed account back; further addresses taken meanwhile are lost and told."""
    domains.require(tx, account.address.domain)
    is_person = account.kind == "person"
    if is_person and addresses.find(tx, account.address) is not None:
        raise AlreadyExists(
            f"{account.address} was taken meanwhile; rename or remove what holds it,"
            " then restore again"
        )
    lost = []
    for ident, address, is_main in _all_addresses(tx, account.id):
        if not is_main and addresses.find(tx, address) is not None:
            tx.execute("DELETE FROM address WHERE id = :id", id=ident)
            lost.append(address)
    if is_person:
        tx.execute("UPDATE address SET live = 1 WHERE account_id = :id", id=account.id)
    tx.execute(
        "UPDATE account SET removed = NULL, revision = revision + 1 WHERE id = :id", id=account.id
    )
    if is_person:
        allotments.admit_account(tx, addresses.home(tx, account.address), account.quota.octets)
    return lost


def scram(tx: Tx, ident: int) -> Scram:
    """Salt and count of an account."""
    row = tx.one("SELECT scram_salt, scram_iterations FROM account WHERE id = :id", id=ident)
    if row is None:
        raise NotFound("the account is gone")
    return Scram(bytes(row[0]), row[1])


def further(tx: Tx, ident: int) -> list[Address]:
    """The addresses of an account besides the main one and the masked ones."""
    rows = tx.all(
        "SELECT a.written, d.name FROM address a JOIN domain d ON d.id = a.domain_id"
        " LEFT JOIN mask m ON m.address_id = a.id"
        " WHERE a.account_id = :id AND a.main = 0 AND m.address_id IS NULL"
        " ORDER BY d.name, a.canonical",
        id=ident,
    )
    return [Address(row[0], Domain(row[1])) for row in rows]


def removed_before(tx: Tx, time: int, limit: int) -> list[int]:
    """Accounts whose time to be restored is over, the oldest first."""
    rows = tx.all(
        "SELECT id FROM account WHERE removed IS NOT NULL AND removed <= :time"
        " ORDER BY removed, id LIMIT :limit",
        time=time,
        limit=limit,
    )
    return [row[0] for row in rows]


def forget(tx: Tx, ident: int) -> None:
    """Delete the rows of a removed account for good; nothing when it was restored."""
    if tx.one("SELECT id FROM account WHERE id = :id AND removed IS NOT NULL", id=ident) is None:
        return
    shares.forget_grantee(tx, Grantee("account", ident))
    scripts.forget(tx, ident)
    senders.forget(tx, ident)
    for table in ("credential", "address"):
        tx.execute(f"DELETE FROM {table} WHERE account_id = :id", id=ident)
    tx.execute("DELETE FROM account WHERE id = :id", id=ident)
    domains.purge(tx)


def _adopt(tx: Tx, held: Account, account: Account, scram: Scram) -> Account:
    if addresses.find(tx, account.address) is not None:
        raise AlreadyExists(f"{account.address} is taken already")
    tx.execute(
        "UPDATE account SET kind = 'person', scram_salt = :salt, scram_iterations = :iterations"
        " WHERE id = :id",
        id=held.id,
        salt=scram.salt,
        iterations=scram.iterations,
    )
    tx.execute("UPDATE address SET live = 1 WHERE account_id = :id", id=held.id)
    adopted = by_id(tx, held.id)
    if adopted is None:
        raise NotFound(f"no account {account.address}")
    change(tx, adopted, name=account.name, is_admin=account.is_admin, quota=account.quota)
    return by_id(tx, held.id) or adopted


def _all_addresses(tx: Tx, ident: int) -> list[tuple[int, Address, bool]]:
    rows = tx.all(
        "SELECT a.id, a.written, d.name, a.main FROM address a JOIN domain d ON d.id = a.domain_id"
        " WHERE a.account_id = :id ORDER BY a.main DESC, d.name, a.canonical",
        id=ident,
    )
    return [(row[0], Address(row[1], Domain(row[2])), bool(row[3])) for row in rows]


def _account(row: tuple[Any, ...]) -> Account:
    ident, kind, name, admin, disabled, octets, messages, created, removed, *address = row
    written, domain, canonical = address
    return Account(
        id=ident,
        address=Address(written, Domain(domain)),
        kind=kind,
        name=name,
        is_admin=bool(admin),
        is_disabled=bool(disabled),
        quota=Quota(octets, messages),
        created=created,
        removed=removed,
        key=(domain, canonical, ident),
    )
