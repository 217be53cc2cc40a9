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
        "accepted": START + ident,
    }
    queued = Queued(**{**fields, **changes})  # type: ignore[arg-type]
    return queued, [
        Outgoing(ident * 1000 + number, ident, recipient.encode(), recipient.rpartition("@")[2])
        for number, recipient in enumerate(recipients or ("b@other.test",))
    ]


def add(tx: Tx, letters: Sequence[tuple[Queued, list[Outgoing]]], now: int = START) -> None:
    rows.add(tx, [one for one, _ in letters], [one for _, many in letters for one in many], now)


def blobs(tx: Tx, letters: Sequence[tuple[Queued, list[Outgoing]]]) -> None:
    """Rows for their blobs, one reference each."""
    tx.many(
        "INSERT INTO blob (id, head, place, head_size, body_size, digest, refs)"
        " VALUES (?, ?, 0, 0, 0, ?, 1)",
        [(one.blob_id, b"", b"") for one, _ in letters],
    )


def counted(tx: Tx) -> None:
    """What is counted for destinations and letters is what is there."""
    there = Counter({name: int(n) for name, n in tx.all(
        "SELECT destination, count(*) FROM delivery GROUP BY destination"
    )})  # fmt: skip
    waiting = tx.all("SELECT name, waiting FROM destination WHERE waiting <> 0")
    said: Counter[str] = Counter(dict(waiting))
    assert said == there
    assert tx.all("SELECT q.id, q.refs FROM queued q ORDER BY q.id") == tx.all(
        "SELECT queued_id, count(*) FROM delivery GROUP BY queued_id ORDER BY queued_id"
    )
