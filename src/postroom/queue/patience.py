"""Patience and its end: letters that have waited long are told of, then given up.

Most of what waits for a dead host is never tried by itself (its destination is put off as
a whole), so delay and end are found by age, not by attempts. Ids begin with the time of
acceptance: these walks begin at the oldest letter and end where the young ones begin. Letters that
were to go later than they came are walked through by when they were to go.
RFC 5321 §4.5.4.1, RFC 3461 §4.1 (DELAY).
"""

from collections.abc import Iterable, Sequence
from typing import Final

from postroom.db.database import Tx, number
from postroom.db.ids import first_id_at
from postroom.queue.claimed import (
    RECIPIENT,
    Batch,
    Claimed,
    Recipient,
    grouped,
    in_letters,
    recipient,
)
from postroom.queue.claims import take
from postroom.queue.clock import AHEAD_MS
from postroom.queue.rows import WAITING

DELAYED: Final = "delay"
"""The mark of the walk by ids: letters up to it were looked at for their delay."""
_LATER: Final = ("delay of what was to go later", "delay of what was to go later: id")

_JOINED: Final = ", ".join([f"d.{name}" for name in RECIPIENT.split(", ")])


def overdue(
    tx: Tx,
    lease: int,
    before: int,
    now: int,
    most: int,
    *,
    patient: int | None = None,
    newest: int = 0,
) -> Batch | None:
    """Deliveries of letters that were due ``before``, whose senders have waited enough.

    ``patient``: the same of deliveries that are tried for longer; None: of them too. ``newest``:
    the time of the newest id; where that is to come (the clock went back), ids tell no age.
    """
    bound = before if newest <= now + AHEAD_MS else newest
    rows = tx.all(
        f"SELECT {_JOINED} FROM queued q JOIN delivery d ON d.queued_id = q.id"
        f" WHERE q.due < :before AND d.status = {WAITING}"
        " AND (d.patient = 0 OR q.due < :patient)"
        " AND q.id < :bound ORDER BY q.id LIMIT :most",
        before=before,
        patient=before if patient is None else patient,
        bound=first_id_at(bound),
        most=most,
    )
    recipients = [recipient(row) for row in rows]
    if not recipients:
        return None
    letters = take(tx, lease, "", recipients, now)
    return Batch(lease, "", letters, 1, 0)


def undelayed(tx: Tx, mark: int, before: int, most: int) -> tuple[tuple[Claimed, ...], int]:
    """Letters after ``mark`` due ``before`` with recipients whose sender was told nothing yet.

    Nothing is claimed. With the mark from which to go on: letters up to it need no look.
    """
    ids = [
        row[0]
        for row in tx.all(
            "SELECT id FROM queued WHERE id > :mark AND id < :bound ORDER BY id LIMIT :most",
            mark=mark,
            bound=first_id_at(before),
            most=most,
        )
    ]
    if not ids:
        return (), max(mark, first_id_at(before) - 1)
    return tuple([one for one in _untold(tx, ids) if one.letter.due < before]), ids[-1]


def undelayed_later(
    tx: Tx, after: tuple[int, int], before: int, most: int
) -> tuple[tuple[Claimed, ...], tuple[int, int]]:
    """The same of letters that were to go later than they came, which ``undelayed`` passes by.

    ``after`` is (when it was due, id) of the last one, and so is what is given back.
    """
    due, ident = after if after[0] < before else (before, 0)  # ahead when the clock has gone back
    rows = tx.all(
        "SELECT due, id FROM queued WHERE due > accepted AND (due, id) > (:due, :id)"
        " AND due < :before ORDER BY due, id LIMIT :most",
        due=due,
        id=ident,
        before=before,
        most=most,
    )
    if not rows:
        return (), after
    return _untold(tx, sorted([row[1] for row in rows])), (rows[-1][0], rows[-1][1])


def _untold(tx: Tx, ids: Sequence[int]) -> tuple[Claimed, ...]:
    """Of these letters, in order: what waits and was told of to nobody."""
    rows = in_letters(
        tx,
        f"SELECT {RECIPIENT} FROM delivery WHERE status = {WAITING} AND warned = 0"
        " AND queued_id IN ({}) ORDER BY queued_id, number",
        ids,
    )
    return grouped(tx, [recipient(row) for row in rows])


def mark(tx: Tx, name: str) -> int:
    """How far a walk through the queue has come; 0 at first."""
    return number(tx, "SELECT value FROM queue_mark WHERE name = :name", name=name)


def set_mark(tx: Tx, name: str, value: int) -> None:
    """Remember how far it has come."""
    tx.execute(
        "INSERT INTO queue_mark (name, value) VALUES (:name, :value)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        name=name,
        value=value,
    )


def mark_later(tx: Tx) -> tuple[int, int]:
    """How far the walk of ``undelayed_later`` has come."""
    due, ident = _LATER
    return mark(tx, due), mark(tx, ident)


def set_mark_later(tx: Tx, value: tuple[int, int]) -> None:
    """Remember how far that has come."""
    for name, part in zip(_LATER, value, strict=True):
        set_mark(tx, name, part)


def look_again(tx: Tx, ids: Sequence[int]) -> None:
    """Letters that did not wait when they were looked at for their delay wait from now on."""
    if ids:
        first = min(ids) - 1
        tx.execute(
            "UPDATE queue_mark SET value = :first WHERE name = :name AND value > :first",
            name=DELAYED,
            first=first,
        )


def warn(tx: Tx, recipients: Iterable[Recipient]) -> None:
    """Their sender has been told of the delay."""
    tx.many(
        "UPDATE delivery SET warned = 1 WHERE queued_id = ? AND number = ? AND warned = 0",
        [(one.queued_id, one.number) for one in recipients],
    )
