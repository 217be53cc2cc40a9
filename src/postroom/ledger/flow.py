"""How many letters came, by the hour."""

from typing import Final

import msgspec

from postroom.db.database import Tx
from postroom.db.ids import first_id_at

_HOUR_MS: Final = 3_600_000


class Hour(msgspec.Struct, frozen=True):
    """How many came in an hour; ``submitted``: those of them that people here have sent."""

    all: int = 0
    submitted: int = 0


def accepted(tx: Tx, now: int, hours: int) -> list[Hour]:
    """Letters accepted in each of the last ``hours`` hours up to ``now``, the oldest first."""
    begin = now - hours * _HOUR_MS
    rows = tx.all(
        "SELECT (at - :begin) / 3600000, count(*), count(account_id) FROM ledger"
        " WHERE id >= :first AND at >= :begin AND at < :now GROUP BY 1",
        first=first_id_at(begin),
        begin=begin,
        now=now,
    )
    counts = [Hour()] * hours
    for hour, count, submitted in rows:
        counts[int(hour)] = Hour(count, submitted)
    return counts
