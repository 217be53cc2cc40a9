"""How long the ledger is kept: some days, and never shorter than the letter is queued.

The queue belongs to others: the caller says which letters still wait. Work goes in chunks
of about a thousand rows in the lower lane.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Final

from postroom.db.database import Database, Tx
from postroom.db.ids import first_id_at

CHUNK: Final = 1000
_DAY_MS: Final = 86_400_000

Waiting = Callable[[Tx, Sequence[int]], Collection[int]]


async def forget(db: Database, now: int, days: int, waiting: Waiting) -> int:
    """Delete the letters older than ``days`` that do not wait; how many went."""
    before = first_id_at(now - days * _DAY_MS)
    gone = 0
    after = 0
    while True:
        chunk = await db.write(
            lambda tx, after=after: forget_chunk(tx, after, before, waiting),  # type: ignore[misc]
            bulk=True,
        )
        if chunk is None:
            return gone
        after, removed = chunk
        gone += removed


def forget_chunk(tx: Tx, after: int, before: int, waiting: Waiting) -> tuple[int, int] | None:
    """Go through the next letters: (last id seen, letters deleted), None at the end."""
    ids = [
        row[0]
        for row in tx.all(
            "SELECT id FROM ledger WHERE id > :after AND id < :end ORDER BY id LIMIT :chunk",
            after=after,
            end=_end(tx, after, before),
            chunk=CHUNK,
        )
    ]
    if not ids:
        return None
    kept = waiting(tx, ids)
    old = [(ident,) for ident in ids if ident not in kept]
    tx.many("DELETE FROM ledger_event WHERE ledger_id = ?", old)
    tx.many("DELETE FROM ledger WHERE id = ?", old)
    tx.execute(
        "DELETE FROM ledger_segment WHERE last_id < :before AND NOT EXISTS (SELECT 1 FROM ledger"
        " WHERE ledger.id >= ledger_segment.first_id AND ledger.id <= ledger_segment.last_id)",
        before=before,
    )
    return ids[-1], len(old)


def _end(tx: Tx, after: int, before: int) -> int:
    """Where a chunk ends: few letters when they have many facts, but one at least."""
    row = tx.one(
        "SELECT ledger_id FROM ledger_event WHERE ledger_id > :after AND ledger_id < :before"
        " ORDER BY ledger_id, number LIMIT 1 OFFSET :chunk",
        after=after,
        before=before,
        chunk=CHUNK,
    )
    return int(row[0]) + 1 if row else before
