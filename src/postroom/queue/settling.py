"""What came of attempts: one call for all letters that finish at this moment.

A delivery that is done (delivered, bounced, or given up without a word) leaves the queue,
its letter with the last of them, its blob's reference with the letter. One that failed for
now waits for its next attempt; when a postmaster put its letter on hold meanwhile, it is
held. Each outcome names the lease under which it was made: what has been claimed by
somebody else since, or was removed, is left alone, and ``settle`` says so.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, Literal

import msgspec

from postroom.blobs.store import BlobStore
from postroom.db.database import Row, Tx
from postroom.queue.rows import HELD, WAITING, forget, make_ready

MAX_REPLY: Final = 500  # characters of the last reply that are kept

_TRIPLES: Final = {
    "sqlite": "SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(:rows)",
    "postgres": "SELECT * FROM unnest(:ids, :numbers, :leases)",
}
_IDS: Final = {
    "sqlite": "SELECT value FROM json_each(:ids)",
    "postgres": "SELECT unnest(:ids)",
}
_LATER: Final = (
    "UPDATE delivery SET lease = NULL, attempts = attempts + ?, next_attempt = ?,"
    " last_reply = CASE WHEN ? = '' THEN last_reply ELSE ? END,"
    " warned = CASE WHEN ? = 1 THEN 1 ELSE warned END, status ="
    " CASE WHEN (SELECT held FROM queued WHERE id = delivery.queued_id) = 1"
    f" THEN {HELD} ELSE {WAITING} END"
    " WHERE queued_id = ? AND number = ? AND lease = ?"
)


class Outcome(msgspec.Struct, frozen=True):
    """What came of one recipient of a letter.

    ``later``: it waits until ``next_attempt`` (ms); ``tried`` False: it was not its turn.
    ``warned``: its sender is told of the delay in this transaction.
    """

    number: int
    lease: int
    destination: str
    kind: Literal["done", "later"]
    next_attempt: int = 0
    reply: str = ""
    tried: bool = True
    warned: bool = False


class Settled(msgspec.Struct, frozen=True):
    """What came of one letter."""

    queued_id: int
    outcomes: tuple[Outcome, ...]


def settle(tx: Tx, blobs: BlobStore, items: Sequence[Settled], now: int) -> list[set[int]]:
    """Write the outcomes. For each letter the numbers of those that are done and were ours."""
    done = [
        (item.queued_id, one.number, one.lease)
        for item in items
        for one in item.outcomes
        if one.kind == "done"
    ]
    gone: dict[int, set[int]] = {}
    counts: Counter[str] = Counter()
    for ident, number, destination in _delete(tx, done) if done else ():
        gone.setdefault(ident, set()).add(number)
        counts[destination] += 1
    _put_off(tx, items)
    if gone:
        forget(tx, counts)
        blobs.release(tx, _finish(tx, list(gone)), now)
    return [
        gone.get(item.queued_id, set()) & {one.number for one in item.outcomes} for item in items
    ]


def _delete(tx: Tx, done: Sequence[tuple[int, int, int]]) -> list[Row]:
    given: Mapping[str, object]
    if tx.engine == "sqlite":
        given = {"rows": msgspec.json.encode(done).decode()}
    else:
        ids, numbers, leases = zip(*done, strict=True)
        given = {"ids": list(ids), "numbers": list(numbers), "leases": list(leases)}
    return tx.all(
        f"DELETE FROM delivery WHERE (queued_id, number, lease) IN ({_TRIPLES[tx.engine]})"
        " RETURNING queued_id, number, destination",
        **given,
    )


def _finish(tx: Tx, ids: Sequence[int]) -> Counter[int]:
    """Letters without recipients leave; the blobs they named."""
    given: object = list(ids) if tx.engine == "postgres" else msgspec.json.encode(ids).decode()
    return Counter(
        row[0]
        for row in tx.all(
            f"DELETE FROM queued WHERE id IN ({_IDS[tx.engine]}) AND NOT EXISTS"
            " (SELECT 1 FROM delivery WHERE delivery.queued_id = queued.id) RETURNING blob_id",
            ids=given,
        )
    )


def _put_off(tx: Tx, items: Sequence[Settled]) -> None:
    later = [
        (item.queued_id, one) for item in items for one in item.outcomes if one.kind == "later"
    ]
    if not later:
        return
    rows: list[tuple[object, ...]] = []
    ready: dict[str, int] = {}
    for ident, one in later:
        reply = one.reply[:MAX_REPLY]
        rows.append(
            (
                int(one.tried), one.next_attempt, reply, reply, int(one.warned),
                ident, one.number, one.lease,
            )
        )  # fmt: skip
        ready[one.destination] = min(one.next_attempt, ready.get(one.destination, 1 << 62))
    tx.many(_LATER, rows)
    make_ready(tx, ready)
