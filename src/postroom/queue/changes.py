"""What a postmaster does to letters in the queue: hold, release, retry, reroute, remove.

Each function works on a chunk of letters in one transaction and says what it changed, so
that the ledger can note it there. A delivery that a worker holds at this moment is left to
it: ``held`` of its letter tells the worker to put it aside instead of trying again, and a
letter that is removed meanwhile is gone when the worker comes back (it checks its lease).
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import msgspec

from postroom.blobs.store import BlobStore
from postroom.db.database import Row, Tx
from postroom.queue import patience
from postroom.queue.rows import CLAIMED, HELD, QUARANTINED, WAITING, forget, make_ready

_RETURNING: Final = " RETURNING queued_id, number, recipient, destination, next_attempt"
_HOLD: Final = (
    f"UPDATE delivery SET status = {HELD} WHERE queued_id = :id AND status = {WAITING}" + _RETURNING
)
_RELEASE: Final = (
    f"UPDATE delivery SET status = {WAITING} WHERE queued_id = :id"
    f" AND status IN ({HELD}, {QUARANTINED})" + _RETURNING
)

_SET_HELD: Final = "UPDATE queued SET held = 1 WHERE id = :id"
_SET_FREE: Final = "UPDATE queued SET held = 0, crashes = 0 WHERE id = :id"


class Changed(msgspec.Struct, frozen=True):
    """One recipient of a letter that was held, released or removed."""

    queued_id: int
    number: int
    recipient: str


def hold(tx: Tx, ids: Sequence[int]) -> list[Changed]:
    """Stop trying until ``release``."""
    return _switch(tx, ids, held=True)


def release(tx: Tx, ids: Sequence[int]) -> list[Changed]:
    """Go on with what was held or quarantined; when it is due has not changed."""
    changed = _switch(tx, ids, held=False)
    patience.look_again(tx, [one.queued_id for one in changed])
    return changed


def retry(tx: Tx, ids: Sequence[int], now: int) -> list[Changed]:
    """Make what waits due at once, also where its destination was put off."""
    changed: list[Changed] = []
    ready: dict[str, int] = {}
    for ident in sorted(ids):
        for row in tx.all(
            f"UPDATE delivery SET next_attempt = :now WHERE queued_id = :id AND status = {WAITING}"
            " RETURNING queued_id, number, recipient, destination",
            id=ident,
            now=now,
        ):
            changed.append(_changed(row))
            ready[row[3]] = now
    tx.many(
        "UPDATE destination SET ready_at = ?, paused_until = 0 WHERE name = ?",
        [(at, name) for name, at in sorted(ready.items())],
    )
    return _in_order(changed)


def reroute(tx: Tx, ids: Sequence[int], route: str | None, now: int) -> list[Changed]:
    """Send what is not claimed another way, at once.

    ``route`` as in ``delivery.route``; None: as configured. What is held stays held.
    """
    changed: list[Changed] = []
    ready: dict[str, int] = {}
    for ident in sorted(ids):
        for row in tx.all(
            "UPDATE delivery SET route = :route, next_attempt = :now"
            f" WHERE queued_id = :id AND status <> {CLAIMED}"
            " RETURNING queued_id, number, recipient, destination, status",
            id=ident,
            route=route,
            now=now,
        ):
            changed.append(_changed(row))
            if row[4] == WAITING:
                ready[row[3]] = now
    tx.many(
        "UPDATE destination SET ready_at = ?, paused_until = 0 WHERE name = ?",
        [(at, name) for name, at in sorted(ready.items())],
    )
    return _in_order(changed)


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
            " RETURNING queued_id, number, recipient, destination",
            id=ident,
        ):
            changed.append(_changed(delivery))
            waiting[delivery[3]] += 1
    forget(tx, waiting)
    blobs.release(tx, freed, now)
    return _in_order(changed)


def _switch(tx: Tx, ids: Sequence[int], *, held: bool) -> list[Changed]:
    changed: list[Changed] = []
    ready: dict[str, int] = {}
    for ident in sorted(ids):
        tx.execute(_SET_HELD if held else _SET_FREE, id=ident)
        for row in tx.all(_HOLD if held else _RELEASE, id=ident):
            changed.append(_changed(row))
            ready[row[3]] = min(ready.get(row[3], row[4]), row[4])
    if not held:
        make_ready(tx, ready)
    return _in_order(changed)


def _changed(row: Row) -> Changed:
    return Changed(row[0], row[1], bytes(row[2]).decode("utf-8", "replace"))


def _in_order(changed: list[Changed]) -> list[Changed]:
    return sorted(changed, key=lambda one: (one.queued_id, one.number))
