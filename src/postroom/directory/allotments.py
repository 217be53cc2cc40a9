"""Allotments: what a domain may hold, so that its administrator can't give away the whole server.

They hold for whoever adds something, owners too: an owner changes them first. Lowering one takes
nothing away from what is there; only what is added or grows afterwards is refused. Each check
comes after the change, in its transaction, and locks the row of the domain, so that two at once
can't both be the last. Functions of an open transaction.
"""

import msgspec

from postroom.db.database import Tx, number
from postroom.directory import domains
from postroom.directory.domains import OwnDomain
from postroom.errors import Invalid, Refused
from postroom.quota import MAX_OCTETS


class Allotment(msgspec.Struct, frozen=True, kw_only=True):
    """0 is as much as anybody likes. Quotas are octets: of a new account, of one, of all."""

    accounts: int = 0
    aliases: int = 0
    default_quota: int = 0
    max_quota: int = 0
    total_quota: int = 0


NOTHING = Allotment()


def of(tx: Tx, domain_id: int) -> Allotment:
    """What a domain may hold."""
    row = tx.one(
        "SELECT accounts, aliases, default_quota, max_quota, total_quota FROM allotment"
        " WHERE domain_id = :id",
        id=domain_id,
    )
    return NOTHING if row is None else _read(row)


def every(tx: Tx) -> dict[str, Allotment]:
    """Those of all domains that have one, by A-label name."""
    rows = tx.all(
        "SELECT d.name, m.accounts, m.aliases, m.default_quota, m.max_quota, m.total_quota"
        " FROM allotment m JOIN domain d ON d.id = m.domain_id WHERE d.removed IS NULL"
        " ORDER BY d.name"
    )
    return {name: _read(rest) for name, *rest in rows}


def put(tx: Tx, own: OwnDomain, allotment: Allotment) -> None:
    """From now on a domain may hold this. Raises Invalid for one that nothing fits into."""
    domains.refuse_alias(own, "limit")
    _check(allotment)
    tx.execute("DELETE FROM allotment WHERE domain_id = :id", id=own.id)
    if allotment != NOTHING:
        tx.execute(
            "INSERT INTO allotment (domain_id, accounts, aliases, default_quota, max_quota,"
            " total_quota) VALUES (:id, :accounts, :aliases, :default_quota, :max_quota,"
            " :total_quota)",
            id=own.id,
            **msgspec.structs.asdict(allotment),
        )


def quota(tx: Tx, own: OwnDomain, wanted: int) -> int:
    """The quota of a new account that was asked for, or the one it gets where none was."""
    return wanted or of(tx, own.id).default_quota


def admit_account(tx: Tx, own: OwnDomain, octets: int) -> None:
    """Raises Refused when an account with this quota, which is there already, is too much."""
    allotment = _locked(tx, own)
    held = domains.counts(tx, own).accounts if allotment.accounts else 0
    if held > allotment.accounts > 0:
        raise Refused(
            f"{own.name} has all the accounts that it may hold ({allotment.accounts});"
            f" {_remedy(own, f'--accounts {held}')}"
        )
    _admit_quota(tx, own, allotment, octets)


def admit_quota(tx: Tx, own: OwnDomain, octets: int) -> None:
    """Raises Refused when the quota that an account has now is too much."""
    _admit_quota(tx, own, _locked(tx, own), octets)


def admit_alias(tx: Tx, own: OwnDomain) -> None:
    """Raises Refused when the alias that was just made is one too many."""
    allotment = _locked(tx, own)
    held = domains.counts(tx, own).aliases if allotment.aliases else 0
    if held > allotment.aliases > 0:
        raise Refused(
            f"{own.name} has all the aliases that it may hold ({allotment.aliases});"
            f" {_remedy(own, f'--aliases {held}')}"
        )


def given(tx: Tx, own: OwnDomain) -> int:
    """The quotas of the accounts of a domain together, in octets."""
    return number(
        tx,
        "SELECT coalesce(sum(c.quota), 0) FROM address a JOIN account c ON c.id = a.account_id"
        " WHERE a.domain_id = :id AND a.live = 1 AND a.main = 1",
        id=own.id,
    )


def _admit_quota(tx: Tx, own: OwnDomain, allotment: Allotment, octets: int) -> None:
    if not (allotment.max_quota or allotment.total_quota):
        return
    if not octets:
        raise Refused(
            f"every account of {own.name} needs a quota, as the space of the domain is limited;"
            " give one, or set what new ones get: "
            f"postroom domain limits {own.name} --quota SIZE"
        )
    if octets > allotment.max_quota > 0:
        raise Refused(
            f"an account of {own.name} may have {allotment.max_quota:,} octets at most;"
            f" {_remedy(own, '--max-quota SIZE')}"
        )
    together = given(tx, own) if allotment.total_quota else 0
    if together > allotment.total_quota > 0:
        left = max(0, allotment.total_quota - together + octets)
        raise Refused(
            f"the quotas of {own.name} may be {allotment.total_quota:,} octets together, of which"
            f" {left:,} are left; {_remedy(own, '--total SIZE')}"
        )


def _remedy(own: OwnDomain, option: str) -> str:
    return f"an owner can raise it: postroom domain limits {own.name} {option}"


def _locked(tx: Tx, own: OwnDomain) -> Allotment:
    row = tx.one(
        "UPDATE allotment SET accounts = accounts WHERE domain_id = :id"
        " RETURNING accounts, aliases, default_quota, max_quota, total_quota",
        id=own.id,
    )
    return NOTHING if row is None else _read(row)


def _read(row: "tuple[int, ...] | list[int]") -> Allotment:
    accounts, aliases, default_quota, max_quota, total_quota = row
    return Allotment(
        accounts=accounts,
        aliases=aliases,
        default_quota=default_quota,
        max_quota=max_quota,
        total_quota=total_quota,
    )


def _check(allotment: Allotment) -> None:
    if min(msgspec.structs.astuple(allotment)) < 0:
        raise Invalid("a limit is a number from 0 on; 0 is none")
    if max(msgspec.structs.astuple(allotment)) >= MAX_OCTETS:
        raise Invalid("a limit is less than 2^62; 0 is none")
    for name, most in (("max-quota", allotment.max_quota), ("total", allotment.total_quota)):
        if allotment.default_quota > most > 0:
            raise Invalid(f"new accounts would get more than --{name} allows: lower --quota")
    if allotment.max_quota > allotment.total_quota > 0:
        raise Invalid("one account could have more than all together: lower --max-quota")
