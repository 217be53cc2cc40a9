"""Digests: who wants to be told, how often, what was kept from their inbox. Rows of ``digest``."""

from collections.abc import Iterable
from typing import Final

import msgspec

from postroom.db.database import Tx

DAY_MS: Final = 86_400_000


class Digest(msgspec.Struct, frozen=True):
    """A letter that is due: of what came after ``since`` (UTC milliseconds)."""

    account_id: int
    days: int
    since: int


def chosen(tx: Tx, account_id: int) -> int | None:
    """Days from one letter to the next as its person has chosen, 0: never; None for no choice."""
    row = tx.one(
        "SELECT days FROM digest WHERE account_id = :account AND chosen = 1", account=account_id
    )
    return row[0] if row else None


def put(tx: Tx, account_id: int, days: int | None, now: int) -> None:
    """A letter every so many days from now on, 0: never; None takes the choice back."""
    if days == chosen(tx, account_id):
        return
    tx.execute("DELETE FROM digest WHERE account_id = :account", account=account_id)
    if days is not None:
        _insert(tx, account_id, days, now, is_chosen=True)


def undecided(tx: Tx, after: int, limit: int) -> list[tuple[int, str, int]]:
    """People without a choice of their own, by id: account, domain, and the days they get now."""
    return [
        (account_id, domain, days or 0)
        for account_id, domain, days in tx.all(
            "SELECT c.id, d.name, g.days FROM account c"
            " JOIN address a ON a.account_id = c.id AND a.main = 1"
            " JOIN domain d ON d.id = a.domain_id"
            " LEFT JOIN digest g ON g.account_id = c.id"
            " WHERE c.id > :after AND c.kind = 'person' AND c.removed IS NULL"
            " AND COALESCE(g.chosen, 0) = 0 ORDER BY c.id LIMIT :limit",
            after=after,
            limit=limit,
        )
    ]


def follow(tx: Tx, wanted: Iterable[tuple[int, int]], now: int) -> None:
    """Give people without a choice of their own a letter every so many days from now on, 0: none."""
    for account_id, days in wanted:
        tx.execute(
            "DELETE FROM digest WHERE account_id = :account AND chosen = 0", account=account_id
        )
        if days:
            _insert(tx, account_id, days, now, is_chosen=False)


def is_followed(tx: Tx) -> bool:
    """Whether anybody without a choice of their own gets letters."""
    return tx.one("SELECT 1 FROM digest WHERE chosen = 0 LIMIT 1") is not None


def end_following(tx: Tx) -> None:
    """No letter for anybody without a choice of their own."""
    tx.execute("DELETE FROM digest WHERE chosen = 0")


def _insert(tx: Tx, account_id: int, days: int, now: int, *, is_chosen: bool) -> None:
    """What somebody has chosen meanwhile stays; who is gone gets none."""
    tx.execute(
        "INSERT INTO digest (account_id, days, since, due, chosen)"
        " SELECT id, :days, :now, :due, :chosen FROM account WHERE id = :account"
        " ON CONFLICT (account_id) DO NOTHING",
        account=account_id,
        days=days,
        now=now,
        due=now + days * DAY_MS,
        chosen=int(is_chosen),
    )


def claim(tx: Tx, now: int, limit: int) -> list[Digest]:
    """Letters that are due, the oldest first; whoever claims one writes it, nobody else.

    One that was missed while no server ran tells of all the time since.
    """
    rows = tx.all(
        "SELECT d.account_id, d.days, d.since FROM digest d"
        " JOIN account c ON c.id = d.account_id"
        " WHERE d.due <= :now AND d.days > 0 AND c.disabled = 0 AND c.removed IS NULL"
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
