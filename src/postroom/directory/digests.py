"""Digests: who wants to be told, how often, what was kept from their inbox. Rows of ``digest``."""

from typing import Final

import msgspec

from postroom.db.database import Tx

DAY_MS: Final = 86_400_000


class Digest(msgspec.Struct, frozen=True):
    """A letter that is due: of what came after ``since`` (UTC milliseconds)."""

    account_id: int
    days: int
    since: int


def days_of(tx: Tx, account_id: int) -> int:
    """Days from one letter to the next; 0 for who wants none."""
    row = tx.one("SELECT days FROM digest WHERE account_id = :account", account=account_id)
    return row[0] if row else 0


def put(tx: Tx, account_id: int, days: int, now: int) -> None:
    """A letter every so many days from now on; 0 ends them."""
    if days == days_of(tx, account_id):
        return
    tx.execute("DELETE FROM digest WHERE account_id = :account", account=account_id)
    if days:
        tx.execute(
            "INSERT INTO digest (account_id, days, since, due)"
            " VALUES (:account, :days, :now, :due)",
            account=account_id,
            days=days,
            now=now,
            due=now + days * DAY_MS,
        )


def claim(tx: Tx, now: int, limit: int) -> list[Digest]:
    """Letters that are due, the oldest first; whoever claims one writes it, nobody else.

    One that was missed while no server ran tells of all the time since.
    """
    rows = tx.all(
        "SELECT d.account_id, d.days, d.since FROM digest d"
        " JOIN account c ON c.id = d.account_id"
        " WHERE d.due <= :now AND c.disabled = 0 AND c.removed IS NULL"
        " ORDER BY d.due, d.account_id LIMIT :limit",
        now=now,
        limit=limit,
    )
    claimed = []
    for account_id, days, since in rows:
        is_ours = tx.execute(
            "UPDATE digest SET since = :now, due = :due"
            " WHERE account_id = :account AND since = :since",
            account=account_id,
            since=since,
            now=now,
            due=now + days * DAY_MS,
        )
        if is_ours:
            claimed.append(Digest(account_id, days, since))
    return claimed


def give_back(tx: Tx, one: Digest, now: int) -> None:
    """A letter could not be written: it is due again."""
    tx.execute(
        "UPDATE digest SET since = :since, due = :now WHERE account_id = :account AND days = :days",
        account=one.account_id,
        days=one.days,
        since=one.since,
        now=now,
    )
