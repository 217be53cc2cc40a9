"""What people have sent by JMAP, to be asked for and taken back (RFC 8621 §7).

A row is written in the commit of the letter, whose queue id it has. Each change of a row takes the
next MODSEQ of its account, so that a client learns what has changed since. One that was destroyed
leaves its row for that, until it is forgotten with the ledger.
"""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from postroom.blobs.store import BlobStore
from postroom.db.database import Row, Tx, number
from postroom.queue import changes
from postroom.queue.changes import Changed
from postroom.queue.rows import CLAIMED

Undo = Literal["", "canceled", "gone"]

MOST_IDS: Final = 1000  # in one statement
CHUNK: Final = 1000
REMEMBERED_MS: Final = 30 * 86_400_000  # for which it is told that one was destroyed
WATCHED_MS: Final = 30 * 86_400_000  # for which deliveries may change what is told of one

_COLUMNS: Final = (
    "id, account_id, made, modseq, identity, email_id, thread_id, envelope, send_at, undo"
)
_ROWS: Final = f"SELECT {_COLUMNS} FROM submission WHERE account_id = :account"


class Wish(msgspec.Struct, frozen=True):
    """What a letter that is being sent is, for its row. ``envelope`` is JSON."""

    account_id: int
    identity: str
    email_id: int
    thread_id: int
    envelope: str


class Submission(msgspec.Struct, frozen=True):
    """A row. ``id`` is the queue id; ``send_at`` in UTC milliseconds."""

    id: int
    account_id: int
    made: int
    modseq: int
    identity: str
    email_id: int
    thread_id: int
    envelope: str
    send_at: int
    undo: Undo = ""


class State(msgspec.Struct, frozen=True):
    """How far an account, or a client, is. ``told``: the latest fact of the ledger on one of them.

    ``base`` is the MODSEQ from which a client began that has not got all changes yet.
    """

    modseq: int
    told: int
    base: int = -1


class Since(msgspec.Struct, frozen=True):
    """Ids of what was made, changed or destroyed after a state; ``modseq``: up to which that is."""

    created: list[int]
    updated: list[int]
    destroyed: list[int]
    modseq: int
    has_more: bool


def submitted(ident: int, wish: Wish, send_at: int) -> Submission:
    """The row of a letter; its MODSEQ comes when it is written."""
    return Submission(
        ident,
        wish.account_id,
        0,
        0,
        wish.identity,
        wish.email_id,
        wish.thread_id,
        wish.envelope,
        send_at,
    )


def add(tx: Tx, rows: Sequence[Submission]) -> None:
    """Write rows of letters. Raises ConstraintFailed when one is there already."""
    for one in sorted(rows, key=lambda row: (row.account_id, row.id)):
        modseq = _next(tx, one.account_id)
        tx.execute(
            f"INSERT INTO submission ({_COLUMNS}) VALUES (:id, :account, :modseq, :modseq,"
            " :identity, :email, :thread, :envelope, :send_at, :undo)",
            id=one.id,
            account=one.account_id,
            modseq=modseq,
            identity=one.identity,
            email=one.email_id,
            thread=one.thread_id,
            envelope=one.envelope,
            send_at=one.send_at,
            undo=one.undo,
        )


def withdraw(tx: Tx, ids: Sequence[int]) -> None:
    """Take rows back: their commit must not have happened."""
    for ident in sorted(ids):
        tx.execute("DELETE FROM submission WHERE id = :id", id=ident)


def some(tx: Tx, account_id: int, ids: Sequence[int]) -> list[Submission]:
    """Those of these, at most ``MOST_IDS``, that are there."""
    if not ids:
        return []
    listed = ",".join(f"{one:d}" for one in ids)
    rows = tx.all(f"{_ROWS} AND id IN ({listed}) AND undo <> 'gone'", account=account_id)
    return [_read(row) for row in rows]


def every(tx: Tx, account_id: int, limit: int) -> list[Submission]:
    """All of an account, the oldest first."""
    rows = tx.all(
        f"{_ROWS} AND undo <> 'gone' ORDER BY id LIMIT :limit", account=account_id, limit=limit
    )
    return [_read(row) for row in rows]


def state(tx: Tx, account_id: int, now: int) -> State:
    """How far an account is."""
    row = tx.one(
        "SELECT modseq FROM submission_state WHERE account_id = :account", account=account_id
    )
    # Rows of the ledger, which is a neighbour: what became of these letters.
    told = number(
        tx,
        "SELECT coalesce(max(e.number), 0) FROM ledger_event e WHERE e.ledger_id IN"
        " (SELECT id FROM submission WHERE account_id = :account AND send_at > :watched)",
        account=account_id,
        watched=now - WATCHED_MS,
    )
    return State(row[0] if row else 0, told)


def since(tx: Tx, account_id: int, before: State, limit: int) -> Since | None:
    """What has happened to rows after a state; None when some of it was forgotten."""
    now = tx.one(
        "SELECT modseq, forgotten FROM submission_state WHERE account_id = :account",
        account=account_id,
    ) or (0, 0)
    if not now[1] <= before.modseq <= now[0]:
        return None
    rows = tx.all(
        "SELECT id, made, modseq, undo FROM submission WHERE account_id = :account"
        " AND modseq > :since ORDER BY modseq LIMIT :limit",
        account=account_id,
        since=before.modseq,
        limit=limit + 1,
    )
    has_more, rows = len(rows) > limit, rows[:limit]
    found = Since([], [], [], rows[-1][2] if rows else now[0], has_more)
    base = before.modseq if before.base < 0 else before.base
    for ident, made, _, undo in rows:
        if undo != "gone":
            (found.created if made > base else found.updated).append(ident)
        elif made <= before.modseq:
            found.destroyed.append(ident)
    return found


def told(tx: Tx, account_id: int, after: int, limit: int, now: int) -> list[tuple[int, int]]:
    """(id, number of the latest fact) of those that the ledger tells more of, by that number."""
    return [
        (row[0], row[1])
        for row in tx.all(
            "SELECT s.id, max(e.number) AS latest FROM submission s"
            " JOIN ledger_event e ON e.ledger_id = s.id"
            " WHERE s.account_id = :account AND s.undo <> 'gone' AND s.send_at > :watched"
            " AND e.number > :after"
            " GROUP BY s.id ORDER BY latest LIMIT :limit",
            account=account_id,
            watched=now - WATCHED_MS,
            after=after,
            limit=limit,
        )
    ]


def is_waiting(tx: Tx, ident: int, now: int) -> bool:
    """Whether a letter waits for its time, and nobody has tried to deliver any of it."""
    row = tx.one("SELECT due FROM queued WHERE id = :id", id=ident)
    if row is None or row[0] <= now:
        return False
    busy = number(
        tx,
        "SELECT count(*) FROM delivery WHERE queued_id = :id"
        f" AND (status = {CLAIMED} OR attempts > 0)",
        id=ident,
    )
    return not busy


def cancel(tx: Tx, blobs: BlobStore, one: Submission, now: int) -> list[Changed] | None:
    """Take a letter back that waits for its time; None when it is too late."""
    if not is_waiting(tx, one.id, now):
        return None
    taken = changes.remove(tx, blobs, [one.id], now)
    _set(tx, one, "canceled")
    return taken


def destroy(tx: Tx, one: Submission) -> None:
    """Tell of it no more; the letter goes on."""
    _set(tx, one, "gone")


def expire(tx: Tx, before: int) -> int:
    """Destroy a chunk of those with ids under this whose letters do not wait; how many."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM submission WHERE id < :before AND undo <> 'gone'"
        " AND NOT EXISTS (SELECT 1 FROM queued WHERE queued.id = submission.id)"
        " ORDER BY id LIMIT :chunk",
        before=before,
        chunk=CHUNK,
    )
    for one in sorted(map(_read, rows), key=lambda row: (row.account_id, row.id)):
        _set(tx, one, "gone")
    return len(rows)


def forget(tx: Tx, before: int) -> int:
    """Delete a chunk of the rows with ids under this that were destroyed; how many."""
    rows = tx.all(
        "SELECT id, account_id, modseq FROM submission WHERE id < :before AND undo = 'gone'"
        " ORDER BY id LIMIT :chunk",
        before=before,
        chunk=CHUNK,
    )
    latest: dict[int, int] = {}
    for _, account_id, modseq in rows:
        latest[account_id] = max(modseq, latest.get(account_id, 0))
    tx.many(
        "UPDATE submission_state SET forgotten = ? WHERE account_id = ? AND forgotten < ?",
        [(modseq, account_id, modseq) for account_id, modseq in sorted(latest.items())],
    )
    tx.many("DELETE FROM submission WHERE id = ?", [(row[0],) for row in rows])
    return len(rows)


def forget_account(tx: Tx, account_id: int) -> None:
    """Delete all that is known of an account that is gone."""
    for table in ("submission", "submission_state"):
        tx.execute(f"DELETE FROM {table} WHERE account_id = :account", account=account_id)


def _set(tx: Tx, one: Submission, undo: Undo) -> None:
    tx.execute(
        "UPDATE submission SET undo = :undo, modseq = :modseq WHERE id = :id",
        undo=undo,
        modseq=_next(tx, one.account_id),
        id=one.id,
    )


def _next(tx: Tx, account_id: int) -> int:
    """The next MODSEQ of an account, whose row is locked from here on."""
    return number(
        tx,
        "INSERT INTO submission_state (account_id, modseq, forgotten) VALUES (:account, 1, 0)"
        " ON CONFLICT (account_id) DO UPDATE SET modseq = submission_state.modseq + 1"
        " RETURNING modseq",
        account=account_id,
    )


def _read(row: Row) -> Submission:
    return Submission(*row)
