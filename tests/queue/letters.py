"""Queued letters, for the tests of the queue."""

from collections import Counter
from collections.abc import Sequence

from postroom.db.database import Tx
from postroom.queue import rows
from postroom.queue.rows import Outgoing, Queued
from tests.fakes import START


def letter(
    ident: int = 7,
    *recipients: str,
    sender: bytes = b"a@demo.test",
    **changes: object,
) -> tuple[Queued, list[Outgoing]]:
    """A letter and its deliveries; the blob's id is its own."""
    fields: dict[str, object] = {
        "id": ident,
        "blob_id": ident,
        "sender": sender,
        "size": 500,
        "accepted": START,
    }
    queued = Queued(**{**fields, **changes})  # type: ignore[arg-type]
    return queued, [
        Outgoing(ident, number, recipient.encode(), recipient.rpartition("@")[2])
        for number, recipient in enumerate(recipients or ("b@other.test",))
    ]


def add(tx: Tx, letters: Sequence[tuple[Queued, list[Outgoing]]]) -> None:
    rows.add(tx, [one for one, _ in letters], [one for _, many in letters for one in many])


def blobs(tx: Tx, letters: Sequence[tuple[Queued, list[Outgoing]]]) -> None:
    """Rows for their blobs, one reference each."""
    tx.many(
        "INSERT INTO blob (id, head, place, head_size, body_size, digest, refs)"
        " VALUES (?, ?, 0, 0, 0, ?, 1)",
        [(one.blob_id, b"", b"") for one, _ in letters],
    )


def counted(tx: Tx, now: int = START) -> None:
    """What is counted for destinations is what is there, and no letter is without recipients.

    A destination is ready when its first waiting delivery is due (or it is its turn ``now``).
    """
    there = Counter({name: int(n) for name, n in tx.all(
        "SELECT destination, count(*) FROM delivery GROUP BY destination"
    )})  # fmt: skip
    waiting = tx.all("SELECT name, waiting FROM destination WHERE waiting <> 0")
    said: Counter[str] = Counter(dict(waiting))
    assert said == there
    assert tx.all("SELECT id FROM queued ORDER BY id") == tx.all(
        "SELECT DISTINCT queued_id FROM delivery ORDER BY queued_id"
    )
    late = tx.all(
        "SELECT d.name FROM destination d JOIN delivery w ON w.destination = d.name"
        " WHERE w.status = 0 AND w.next_attempt < d.ready_at AND d.ready_at > :now",
        now=now,
    )
    assert not late, "a waiting delivery is due before its destination is ready"


def statuses(tx: Tx) -> list[tuple[int, ...]]:
    """(letter, number, status) of every delivery."""
    return [
        tuple(row)
        for row in tx.all(
            "SELECT queued_id, number, status FROM delivery ORDER BY queued_id, number"
        )
    ]
