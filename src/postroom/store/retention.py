"""How long mailboxes keep their messages: what the settings say, the postmaster, and the owner.

Days, 0 for ever. What the postmaster says of a mailbox stands in the place of the settings; whether
its owner may have it otherwise is a ``Rule``.
"""

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from postroom.db.database import Tx
from postroom.store.expiry import MAILBOXES, Expiry

DAY_MS: Final = 86_400_000

Rule = Literal["no", "shorten", "any"]
"""What owners of mailboxes may change: nothing, only to have less kept, or as they like."""


class Said(msgspec.Struct, frozen=True):
    """What was said of one mailbox; None: nothing."""

    days: int | None = None
    own_days: int | None = None


NOTHING: Final = Said()


def most(said: Said, usual: int) -> int:
    """What the owner may not exceed with ``shorten``; ``usual`` is what the settings say."""
    return usual if said.days is None else said.days


def effective(said: Said, usual: int, rule: Rule) -> int:
    """The days that count."""
    limit = most(said, usual)
    if said.own_days is None or rule == "no":
        return limit
    if rule == "any" or not limit:
        return said.own_days
    return min(said.own_days or limit, limit)


def of(tx: Tx, account_id: int) -> dict[int, Said]:
    """By mailbox of an account, as far as something was said."""
    rows = tx.all(
        "SELECT r.mailbox_id, r.days, r.own_days FROM mailbox m"
        " JOIN retention r ON r.mailbox_id = m.id WHERE m.account_id = :account",
        account=account_id,
    )
    return {mailbox_id: Said(days, own_days) for mailbox_id, days, own_days in rows}


def put(tx: Tx, mailbox_id: int, said: Said) -> None:
    """Say this of a mailbox, and nothing else."""
    tx.execute("DELETE FROM retention WHERE mailbox_id = :id", id=mailbox_id)
    if said != NOTHING:
        tx.execute(
            "INSERT INTO retention (mailbox_id, days, own_days) VALUES (:id, :days, :own)",
            id=mailbox_id,
            days=said.days,
            own=said.own_days,
        )


def overdue(
    tx: Tx, usual: Mapping[str, int], rule: Rule, now: int, after: int
) -> tuple[list[Expiry], int]:
    """As ``expiry.overdue``, the mailboxes of which something was said.

    ``usual``: days by special use, of those that have any.
    """
    rows = tx.all(
        "SELECT m.account_id, m.id, m.special_use, r.days, r.own_days,"
        " (SELECT e.saved FROM entry e WHERE e.mailbox_id = m.id ORDER BY e.uid LIMIT 1)"
        " FROM retention r JOIN mailbox m ON m.id = r.mailbox_id"
        " WHERE r.mailbox_id > :after ORDER BY r.mailbox_id LIMIT :limit",
        after=after,
        limit=MAILBOXES,
    )
    found = []
    for account_id, mailbox_id, use, days, own_days, saved in rows:
        kept = effective(Said(days, own_days), usual.get(use or "", 0), rule)
        before = now - kept * DAY_MS
        if kept and saved is not None and saved < before:
            found.append(Expiry(account_id, mailbox_id, use, before))
    return found, rows[-1][1] if len(rows) == MAILBOXES else 0
