"""What a postmaster does to letters in the queue: hold, release, remove.

Each function works on a chunk of letters in one transaction and says what it changed, so
that the ledger can note it there. A delivery that a worker holds at this moment is left to
it: ``held`` of its letter tells the worker to put it aside instead of trying again, and a
letter that is removed meanwhile is gone when the worker comes back (it checks its lease).
"""

from collections import Counter
from collections.abc import Sequence

import msgspec

from postroom.blobs.store import BlobStore
from postroom.db.database import Row, Tx
from postroom.queue.rows import HELD, WAITING


class Changed(msgspec.Struct, frozen=True):
    """One recipient of a letter that was held, released or removed."""

    delivery_id: int
    queued_id: int
    recipient: str


def hold(tx: Tx, ids: Sequence[int]) -> list[Changed]:
    """Stop trying until ``release``."""
    return _switch(tx, ids, held=True)


def release(tx: Tx, ids: Sequence[int]) -> list[Changed]:
    """Go on with what was held; when it is due has not changed."""
    return _switch(tx, ids, held=False)


def remove(tx: Tx, blobs: BlobStore, ids: Sequence[int], now: int) -> list[Changed]:
    """Delete letters from the queue. No notice goes to the sender."""
    changed: list[Changed] = []
    waiting: Counter[str] = Counter()
    freed: Counter[int] = Counter()
    for ident in sorted(ids):
        row = tx.one("DELETE FROM queued WHERE id = :id RETURNING blob_id", id=ident)
        if row is None:
            continue
        freed[row[0]] += 1
        for delivery in tx.all(
            "DELETE FROM delivery WHERE queued_id = :id"
            " RETURNING id, queued_id, recipient, destination",
            id=ident,
        ):
            changed.append(_changed(delivery))
            waiting[delivery[3]] += 1
    forget(tx, waiting)
    blobs.release(tx, freed, now)
    return sorted(changed, key=lambda one: one.delivery_id)


def forget(tx: Tx, counts: Counter[str]) -> None:
    """Count deliveries off their destinations."""
    tx.many(
        "UPDATE destination SET waiting = waiting - ? WHERE name = ?",
        [(count, name) for name, count in sorted(counts.items())],
    )


def _switch(tx: Tx, ids: Sequence[int], *, held: bool) -> list[Changed]:
    changed: list[Changed] = []
    ready: dict[str, int] = {}
    for ident in sorted(ids):
        tx.execute("UPDATE queued SET held = :held WHERE id = :id", held=int(held), id=ident)
        for row in tx.all(
            "UPDATE delivery SET status = :after WHERE queued_id = :id AND status = :before"
            " RETURNING id, queued_id, recipient, destination, next_attempt",
            id=ident,
            before=WAITING if held else HELD,
            after=HELD if held else WAITING,
        ):
            changed.append(_changed(row))
            ready[row[3]] = min(ready.get(row[3], row[4]), row[4])
    if not held:
        tx.many(
            "UPDATE destination SET ready_at = ? WHERE name = ? AND ready_at > ?",
            [(at, name, at) for name, at in sorted(ready.items())],
        )
    return sorted(changed, key=lambda one: one.delivery_id)


def _changed(row: Row) -> Changed:
    return Changed(row[0], row[1], bytes(row[2]).decode("utf-8", "replace"))
