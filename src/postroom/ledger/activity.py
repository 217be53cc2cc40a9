"""How much accounts have sent elsewhere in a time, and what other servers refused of it."""

from typing import Final

import msgspec

from postroom.db.database import Tx
from postroom.db.ids import first_id_at

MOST_REFUSALS: Final = 20_000  # facts that are looked at; a flood beyond is one anyway


class Refused(msgspec.Struct, frozen=True):
    """Another server has refused a recipient, for good or for now; ``detail`` are its words."""

    account_id: int
    recipient: str
    detail: str


def first(tx: Tx) -> int | None:
    """When the oldest letter of the ledger was accepted, in UTC milliseconds; None: there is none."""
    row = tx.one("SELECT at FROM ledger ORDER BY id LIMIT 1")
    return None if row is None else int(row[0])


def recipients(tx: Tx, begin: int, end: int) -> dict[int, int]:
    """Recipients elsewhere of what each account sent from ``begin`` up to ``end``, in ms."""
    rows = tx.all(
        "SELECT l.account_id, count(*) FROM ledger l JOIN ledger_event e ON e.ledger_id = l.id"
        " WHERE l.id >= :first AND l.id < :last AND l.account_id IS NOT NULL"
        " AND e.kind = 'queued' GROUP BY l.account_id",
        first=first_id_at(begin),
        last=first_id_at(end),
    )
    return dict(rows)


def refused(tx: Tx, begin: int, since: int) -> list[Refused]:
    """What was refused after ``since`` of letters that accounts sent after ``begin``."""
    rows = tx.all(
        "SELECT l.account_id, e.recipient, e.detail FROM ledger l"
        " JOIN ledger_event e ON e.ledger_id = l.id"
        " WHERE l.id >= :first AND l.account_id IS NOT NULL"
        " AND e.kind IN ('bounced', 'deferred') AND e.at >= :since LIMIT :most",
        first=first_id_at(begin),
        since=since,
        most=MOST_REFUSALS,
    )
    return [Refused(*row) for row in rows]
