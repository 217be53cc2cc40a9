"""Forwards: accounts whose letters go on to other addresses, with a copy kept or without.

The targets are those of an alias that has no name: whatever holds for targets of aliases
(renamed ones are followed, loops are refused) holds for these. ``expand`` walks through
them.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from postroom.address import Address, Domain
from postroom.db.database import Tx
from postroom.directory import aliases
from postroom.directory.accounts import Account
from postroom.directory.aliases import Alias
from postroom.errors import Invalid

_CHUNK: Final = 100  # accounts a query


class Forward(msgspec.Struct, frozen=True):
    """Where the letters of an account go on to; ``keeps``: it gets them as well."""

    targets: tuple[Address, ...]
    keeps: bool


def of(tx: Tx, account_id: int) -> Forward | None:
    """The forward of an account."""
    return among(tx, [account_id]).get(account_id)


def among(tx: Tx, account_ids: Sequence[int]) -> dict[int, Forward]:
    """The forwards of those accounts that have one."""
    keeps: dict[int, bool] = {}
    targets: dict[int, list[Address]] = {}
    for start in range(0, len(account_ids), _CHUNK):
        names = {f"n{n}": ident for n, ident in enumerate(account_ids[start : start + _CHUNK])}
        for ident, keep, local, domain in tx.all(
            "SELECT f.account_id, f.keep, t.local, t.domain FROM forward f"
            " JOIN alias_target t ON t.alias_id = f.alias_id"
            f" WHERE f.account_id IN ({', '.join(f':{name}' for name in names)})"
            " ORDER BY f.account_id, t.position",
            **names,
        ):
            keeps[ident] = bool(keep)
            targets.setdefault(ident, []).append(Address(local, Domain(domain)))
    return {ident: Forward(tuple(targets[ident]), keep) for ident, keep in keeps.items()}


def put(tx: Tx, account: Account, alias_id: int, forward: Forward, now: int) -> None:
    """Set the forward of an account, in place of the one it had.

    ``alias_id`` is new. Raises Invalid when a target leads back to the account, or to too many.
    """
    if not forward.targets:
        raise Invalid(f"{account.address} can't forward to nobody; name an address")
    remove(tx, account.id)
    tx.execute(
        "INSERT INTO alias (id, hidden, created) VALUES (:id, 1, :now)", id=alias_id, now=now
    )
    tx.execute(
        "INSERT INTO forward (account_id, alias_id, keep) VALUES (:account, :alias, :keep)",
        account=account.id,
        alias=alias_id,
        keep=int(forward.keeps),
    )
    nameless = Alias(alias_id, account.address, (), True, now, ("", ""))
    aliases.change(tx, nameless, targets=forward.targets)


def set_keeps(tx: Tx, account_id: int, *, keeps: bool) -> None:
    """Keep a copy from now on, or keep none."""
    tx.execute(
        "UPDATE forward SET keep = :keep WHERE account_id = :account",
        keep=int(keeps),
        account=account_id,
    )


def remove(tx: Tx, account_id: int) -> None:
    """Let the letters stay with the account."""
    row = tx.one("SELECT alias_id FROM forward WHERE account_id = :account", account=account_id)
    if row is not None:
        tx.execute("DELETE FROM forward WHERE account_id = :account", account=account_id)
        tx.execute("DELETE FROM alias WHERE id = :alias", alias=row[0])
