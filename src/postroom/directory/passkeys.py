"""Passkeys of accounts and spent challenges, as functions of an open transaction.

Web Authentication Level 3 §6.1.1 (signature counter), §13.4.3 (challenges).
"""

from typing import Any, Final

import msgspec

from postroom.db.database import ConstraintFailed, Tx
from postroom.errors import AlreadyExists, NotFound, Refused

MOST: Final = 50  # of one account

_COLUMNS: Final = "id, account_id, credential, material, host, label, counter, created, last_used"


class Passkey(msgspec.Struct, frozen=True):
    """One passkey; times in UTC milliseconds, the rest as in the table."""

    id: int
    account_id: int
    credential: bytes
    material: bytes
    host: str
    label: str
    counter: int
    created: int
    last_used: int | None


def add(tx: Tx, passkey: Passkey) -> None:
    """Keep it; refused when it is known already."""
    row = tx.one("SELECT count(*) FROM passkey WHERE account_id = :id", id=passkey.account_id)
    if row and row[0] >= MOST:
        raise Refused(f"an account has at most {MOST} passkeys; remove one first")
    try:
        tx.execute(
            f"INSERT INTO passkey ({_COLUMNS}) VALUES (:id, :account_id, :credential, :material,"
            " :host, :label, :counter, :created, :last_used)",
            **msgspec.structs.asdict(passkey),
        )
    except ConstraintFailed:
        raise AlreadyExists("that passkey is known already") from None


def of(tx: Tx, account_id: int) -> list[Passkey]:
    """Those of an account, the oldest first."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM passkey WHERE account_id = :id ORDER BY created, id",
        id=account_id,
    )
    return [_passkey(row) for row in rows]


def named(tx: Tx, credential: bytes) -> Passkey | None:
    """The one that an authenticator calls so."""
    row = tx.one(
        f"SELECT {_COLUMNS} FROM passkey WHERE credential = :credential", credential=credential
    )
    return _passkey(row) if row else None


def is_there(tx: Tx, account_id: int, ident: int) -> bool:
    """Whether an account has it (still)."""
    return (
        tx.one(
            "SELECT 1 FROM passkey WHERE id = :id AND account_id = :account",
            id=ident,
            account=account_id,
        )
        is not None
    )


def used(tx: Tx, passkey: Passkey, counter: int, now: int) -> bool:
    """Note a signature. False when its counter has not risen: there may be a copy of the key."""
    return bool(
        tx.execute(
            "UPDATE passkey SET counter = :counter, last_used = :now WHERE id = :id"
            " AND (counter < :counter OR (counter = 0 AND :counter = 0))",
            id=passkey.id,
            counter=counter,
            now=now,
        )
    )


def rename(tx: Tx, account_id: int, ident: int, label: str) -> None:
    """Call it otherwise; raises NotFound."""
    _must(
        tx.execute(
            "UPDATE passkey SET label = :label WHERE id = :id AND account_id = :account",
            id=ident,
            account=account_id,
            label=label,
        )
    )


def remove(tx: Tx, account_id: int, ident: int) -> None:
    """Take it away; raises NotFound."""
    _must(
        tx.execute(
            "DELETE FROM passkey WHERE id = :id AND account_id = :account",
            id=ident,
            account=account_id,
        )
    )


def spend(tx: Tx, digest: bytes, until: int, now: int) -> bool:
    """Use a challenge up; False when it was. Those whose time is over go."""
    tx.execute("DELETE FROM spent_challenge WHERE until < :now", now=now)
    row = tx.one(
        "INSERT INTO spent_challenge (digest, until) VALUES (:digest, :until)"
        " ON CONFLICT (digest) DO NOTHING RETURNING until",
        digest=digest,
        until=until,
    )
    return row is not None


def _must(changed: int) -> None:
    if not changed:
        raise NotFound("there is no such passkey")


def _passkey(row: tuple[Any, ...]) -> Passkey:
    ident, account, credential, material, *rest = row
    return Passkey(ident, account, bytes(credential), bytes(material), *rest)
