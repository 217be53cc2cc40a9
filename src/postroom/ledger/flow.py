"""How many letters came, by the hour."""

from typing import Final

from postroom.db.database import Tx
from postroom.db.ids import first_id_at

_HOUR_MS: Final = 3_600_000


def accepted(tx: Tx, now: int, hours: int) -> list[int]:
    """Letters accepted in each of the last ``hours`` hours up to ``now``, the oldest first."""
    begin = now - hours * _HOUR_MS
    rows = tx.all(
        "SELECT (at - :begin) / 3600000, count(*) FROM ledger"
        " WHERE id >= :first AND at >= :begin AND at < :now GROUP BY 1",
        first=first_id_at(begin),
        begin=begin,
        now=now,
    )
    counts = [0] * hours
    for hour, count in rows:
        counts[int(hour)] = count
    return counts
