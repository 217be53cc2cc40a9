"""Does the queue fit together? For ``postroom doctor``, which also mends it.

A letter without recipients has nobody left to tell or to reach, so nothing is lost with it. A
delivery without its letter has no content; it is only told.
"""

from typing import Final

import msgspec

from postroom.blobs.store import BlobStore
from postroom.db.database import Tx

MOST: Final = 1000  # of one kind


class Faults(msgspec.Struct, frozen=True):
    """Destinations that are miscounted; letters without deliveries; the other way round."""

    destinations: list[str]
    letters: list[int]
    deliveries: list[tuple[int, int]]


def faults(tx: Tx) -> Faults:
    """What does not fit, at most ``MOST`` of each kind."""
    counted = (
        "(SELECT destination, count(*) AS n FROM delivery GROUP BY destination) AS c"
        " ON c.destination = d.name"
    )
    wrong = tx.all(
        f"SELECT d.name FROM destination d LEFT JOIN {counted}"
        " WHERE d.waiting <> coalesce(c.n, 0) ORDER BY d.name LIMIT :most",
        most=MOST,
    )
    wrong += tx.all(
        "SELECT DISTINCT v.destination FROM delivery v LEFT JOIN destination d"
        " ON d.name = v.destination WHERE d.name IS NULL ORDER BY v.destination LIMIT :most",
        most=MOST,
    )
    letters = tx.all(
        "SELECT q.id FROM queued q WHERE NOT EXISTS (SELECT 1 FROM delivery v"
        " WHERE v.queued_id = q.id) ORDER BY q.id LIMIT :most",
        most=MOST,
    )
    deliveries = tx.all(
        "SELECT v.queued_id, v.number FROM delivery v LEFT JOIN queued q ON q.id = v.queued_id"
        " WHERE q.id IS NULL ORDER BY v.queued_id, v.number LIMIT :most",
        most=MOST,
    )
    return Faults(
        [row[0] for row in wrong],
        [row[0] for row in letters],
        [(row[0], row[1]) for row in deliveries],
    )


def recount(tx: Tx, now: int) -> None:
    """Set what destinations say of their deliveries; each is looked at soon."""
    for name in faults(tx).destinations:
        row = tx.one("SELECT count(*) FROM delivery WHERE destination = :name", name=name)
        tx.execute(
            "INSERT INTO destination (name, waiting, ready_at, paused_until, cap, failures)"
            " VALUES (:name, :waiting, :now, 0, 1, 0) ON CONFLICT (name) DO UPDATE SET"
            " waiting = excluded.waiting, ready_at = excluded.ready_at",
            name=name,
            waiting=row[0] if row else 0,
            now=now,
        )


def drop_letters(tx: Tx, blobs: BlobStore, now: int) -> int:
    """Remove letters that have no recipients left; how many."""
    found = faults(tx).letters
    for ident in found:
        row = tx.one("DELETE FROM queued WHERE id = :id RETURNING blob_id", id=ident)
        if row:
            blobs.release(tx, {row[0]: 1}, now)
    return len(found)
