"""Destinations that nothing waits for: their rows go, however many domains were ever written to.

What was learnt of one goes with it: how many connections it takes is soon learnt again, and that
its servers are dead is kept for as long as it counts.
"""

from collections.abc import Sequence
from typing import Final

from postroom.db.database import Tx

CHUNK: Final = 1000
KEPT_MS: Final = 3_600_000
"""How long after the end of its pause a dead destination is remembered."""


def some(tx: Tx, now: int, after: str = "") -> list[str]:
    """The next ones in the order of their names, at most ``CHUNK``."""
    rows = tx.all(
        "SELECT name FROM destination WHERE name > :after AND waiting = 0"
        " AND paused_until <= :before AND NOT EXISTS"
        " (SELECT 1 FROM lease WHERE lease.destination = destination.name)"
        " ORDER BY name LIMIT :chunk",
        after=after,
        before=now - KEPT_MS,
        chunk=CHUNK,
    )
    return [row[0] for row in rows]


def drop(tx: Tx, now: int, names: Sequence[str]) -> None:
    """Forget these, as far as nothing has come for them meanwhile."""
    tx.many(
        "DELETE FROM destination WHERE name = ? AND waiting = 0 AND paused_until <= ?",
        [(name, now - KEPT_MS) for name in names],
    )
