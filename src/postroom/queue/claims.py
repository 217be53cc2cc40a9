"""Claims: a worker takes a batch of deliveries that are due, for a while.

    claim     the destinations that are ready and have a free slot, a batch each
    renew     a worker that lives keeps what it has
    end       the batch is through; what was not settled waits again
    recover   what dead workers left behind waits again

A claim is a lease: rows carry its id, and whatever is settled later says under which lease
(``settling``). So a worker that was given up, or a letter that a postmaster removed
meanwhile, changes nothing any more. Between destinations the one that has been ready for
longest comes first and goes to the end of the line afterwards: a slow one, or one with a
million deliveries, delays nobody else. RFC 5321 §4.5.4.1.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from postroom.db.database import Row, Tx
from postroom.db.ids import NODE_BITS, SEQUENCE_BITS
from postroom.queue.claimed import RECIPIENT, Batch, Claimed, Recipient, grouped, recipient
from postroom.queue.rows import (
    CLAIMED,
    HELD,
    NEVER,
    PRIORITIES,
    QUARANTINED,
    WAITING,
    make_ready,
)

LEASE_MS: Final = 10 * 60 * 1000
CRASHES: Final = 2  # after so many a letter is quarantined
LEAST: Final = 8  # deliveries in a batch, while there are as many: a connection costs more
MOST_OF_A_LETTER: Final = 1000  # recipients of one letter at one destination in one batch

# Who else claims at this moment takes other destinations (PostgreSQL).
_ALONE: Final = {"sqlite": "", "postgres": " FOR UPDATE OF d SKIP LOCKED"}


class Pace(msgspec.Struct, frozen=True):
    """How a destination is to be treated from now on; times in ms, 0: not put off."""

    cap: int
    failures: int
    paused_until: int
    last_reply: str


def claim(
    tx: Tx, leases: Sequence[int], now: int, most: int, *, probes: int = 1 << 30
) -> list[Batch]:
    """At most one batch for each of these fresh lease ids, of about ``most`` deliveries.

    The recipients of a letter stay together. What waits is shared among the free slots.
    Destinations that work come before those that have failed; of the latter at most
    ``probes`` are tried, with one letter each.
    """
    batches: list[Batch] = []
    for is_failing in (False, True):
        places = len(leases) - len(batches)
        if is_failing:
            places = min(places, probes)
        if places > 0:
            ready = _ready(tx, now, places, is_failing=is_failing)
            fresh = leases[len(batches) :]
            batches += _batches(tx, ready, fresh, now, 1 if is_failing else most)
    return batches


def _ready(tx: Tx, now: int, places: int, *, is_failing: bool) -> list[Row]:
    """Destinations with something due and a free slot, those that waited longest first.

    Each class has an index in its order, so that it is walked, never sorted.
    """
    order = "paused_until" if is_failing else "ready_at"
    return tx.all(
        "SELECT name, cap, failures, paused_until, waiting, (SELECT count(*) FROM lease"
        " WHERE lease.destination = d.name) FROM destination d"
        f" WHERE waiting > 0 AND failures {'> 0' if is_failing else '= 0'}"
        " AND ready_at <= :now AND paused_until <= :now"
        " AND (SELECT count(*) FROM lease WHERE lease.destination = d.name) < cap"
        f" ORDER BY {order}, name LIMIT :places{_ALONE[tx.engine]}",
        now=now,
        places=places,
    )


def _batches(
    tx: Tx, ready: Sequence[Row], leases: Sequence[int], now: int, most: int
) -> list[Batch]:
    batches: list[Batch] = []
    for name, cap, failures, paused_until, waiting, in_flight in ready:
        share = -(-waiting // max(1, cap - in_flight))
        recipients = _due(tx, name, now, min(most, max(LEAST, share)))
        if recipients:
            lease = leases[len(batches)]
            letters = take(tx, lease, name, recipients, now)
            is_urged = failures > 0 and paused_until == 0  # ``changes.retry``
            batches.append(Batch(lease, name, letters, cap, failures, is_urged=is_urged))
        set_ready(tx, name, now)
    return batches


def renew(tx: Tx, leases: Iterable[int], until: int) -> None:
    """Leases go on until then (UTC milliseconds)."""
    tx.many("UPDATE lease SET until = ? WHERE id = ?", [(until, one) for one in leases])


def end(tx: Tx, lease: int, destination: str, pace: Pace | None, now: int) -> None:
    """The batch is through. What was not settled is due again at once."""
    _let_go(tx, lease, now)
    tx.execute("DELETE FROM lease WHERE id = :id", id=lease)
    if pace is not None:
        _set_pace(tx, destination, pace)


def give_back(
    tx: Tx, lease: int, idents: Iterable[int], destination: str, pace: Pace | None, now: int
) -> None:
    """What a lease that goes on still has of these letters is due again at once."""
    for ident in idents:
        _let_go(tx, lease, now, ident)
    if pace is not None:
        _set_pace(tx, destination, pace)


def _set_pace(tx: Tx, destination: str, pace: Pace) -> None:
    tx.execute(
        "UPDATE destination SET cap = :cap, failures = :failures,"
        " paused_until = :until, last_reply = :reply WHERE name = :name",
        cap=pace.cap,
        failures=pace.failures,
        until=pace.paused_until,
        reply=pace.last_reply,
        name=destination,
    )


def lapsed(tx: Tx, now: int) -> dict[int, int]:
    """The leases that have run out, with their ends."""
    return dict(tx.all("SELECT id, until FROM lease WHERE until < :now", now=now))


def recover(
    tx: Tx, now: int, crashed: Sequence[int], *, dead: Mapping[int, int] | None = None
) -> list[int]:
    """Give back what dead workers have: all leases, or ``dead`` ones; and what is under none.

    ``dead`` with the ends that they had: one that was renewed meanwhile goes on. ``crashed``: the
    letters a worker of ours was busy with when the process died; at the second time a letter is
    quarantined. The ids of those that are.
    """
    quarantined = _blame(tx, crashed)
    there = tx.all("SELECT id, until FROM lease")
    ended = [(ident,) for ident, until in there if dead is None or dead.get(ident) == until]
    ended += tx.all(
        "SELECT DISTINCT lease FROM delivery WHERE lease IS NOT NULL AND NOT EXISTS"
        " (SELECT 1 FROM lease WHERE lease.id = delivery.lease)"
    )
    for (lease,) in sorted(ended):
        _let_go(tx, lease, now)
        tx.execute("DELETE FROM lease WHERE id = :id", id=lease)
    quarantine(tx, quarantined)
    return quarantined


def inherit(tx: Tx, now: int, crashed: Sequence[int], node: int) -> list[int]:
    """``recover`` for one process that has died: the leases whose ids are of its node."""
    quarantined = _blame(tx, crashed)
    step = 1 << SEQUENCE_BITS
    for (lease,) in tx.all(
        f"SELECT id FROM lease WHERE (id / {step}) % {1 << NODE_BITS} = :node ORDER BY id",
        node=node,
    ):
        _let_go(tx, lease, now)
        tx.execute("DELETE FROM lease WHERE id = :id", id=lease)
    quarantine(tx, quarantined)
    return quarantined


def _blame(tx: Tx, idents: Sequence[int]) -> list[int]:
    """Count a crash of these letters; those that have had too many."""
    return [ident for ident in sorted(set(idents)) if crashed(tx, ident) >= CRASHES]


def quarantine(tx: Tx, idents: Iterable[int]) -> None:
    """Put letters aside until a postmaster has looked at them."""
    for ident in idents:
        tx.execute(
            f"UPDATE delivery SET status = {QUARANTINED}, lease = NULL WHERE queued_id = :id"
            f" AND status IN ({WAITING}, {CLAIMED})",
            id=ident,
        )


def crashed(tx: Tx, ident: int) -> int:
    """Count a failure of ours over this letter; how many there were."""
    row = tx.one(
        "UPDATE queued SET crashes = crashes + 1 WHERE id = :id RETURNING crashes", id=ident
    )
    return int(row[0]) if row else 0


def next_ready(tx: Tx, now: int) -> int | None:
    """When a destination that is not ready now will be: the time to sleep until."""
    soon = []
    for order, failures in (("ready_at", "= 0"), ("paused_until", "> 0")):
        row = tx.one(
            "SELECT min(CASE WHEN paused_until > ready_at THEN paused_until ELSE ready_at END)"
            " FROM (SELECT ready_at, paused_until FROM destination"
            f" WHERE waiting > 0 AND failures {failures}"
            " AND (ready_at > :now OR paused_until > :now)"
            f" ORDER BY {order}, name LIMIT 1000) AS soon",
            now=now,
        )
        if row is not None and row[0] is not None and row[0] < NEVER:
            soon.append(int(row[0]))
    return min(soon, default=None)


def _due(tx: Tx, name: str, now: int, most: int) -> list[Recipient]:
    found: list[Recipient] = []
    for priority in PRIORITIES:
        rows = tx.all(
            f"SELECT {RECIPIENT} FROM delivery WHERE destination = :name AND status = {WAITING}"
            " AND priority = :priority AND next_attempt <= :now"
            " ORDER BY next_attempt, queued_id, number LIMIT :most",
            name=name,
            priority=priority,
            now=now,
            most=most - len(found),
        )
        found += [recipient(row) for row in rows]
        if len(found) >= most:
            break
    return found + _rest(tx, found, now) if len(found) >= most else found


def _rest(tx: Tx, found: Sequence[Recipient], now: int) -> list[Recipient]:
    """The letter that was cut: its other recipients at this destination."""
    last = found[-1]
    rows = tx.all(
        f"SELECT {RECIPIENT} FROM delivery WHERE queued_id = :id AND destination = :name"
        f" AND status = {WAITING} AND next_attempt <= :now ORDER BY number LIMIT :most",
        id=last.queued_id,
        name=last.destination,
        now=now,
        most=MOST_OF_A_LETTER,
    )
    there = {one.number for one in found if one.queued_id == last.queued_id}
    return [one for one in map(recipient, rows) if one.number not in there]


def take(
    tx: Tx, lease: int, destination: str, recipients: Sequence[Recipient], now: int
) -> tuple[Claimed, ...]:
    """Claim these under a fresh lease; their letters. What can't be read is quarantined."""
    open_lease(tx, lease, destination, now + LEASE_MS)
    tx.many(
        f"UPDATE delivery SET status = {CLAIMED}, lease = ? WHERE queued_id = ? AND number = ?",
        [(lease, one.queued_id, one.number) for one in recipients],
    )
    found = grouped(tx, [msgspec.structs.replace(one, lease=lease) for one in recipients])
    if len(found) < len({one.queued_id for one in recipients}):
        quarantine(tx, {one.queued_id for one in recipients} - {one.letter.id for one in found})
    return found


def open_lease(tx: Tx, lease: int, destination: str, until: int) -> None:
    """Begin a lease; "" is no destination and counts for none."""
    tx.execute(
        "INSERT INTO lease (id, destination, until) VALUES (:id, :name, :until)",
        id=lease,
        name=destination,
        until=until,
    )


def set_ready(tx: Tx, name: str, now: int) -> None:
    """The time of the first delivery that waits; later than others that are ready now."""
    soonest = NEVER
    for priority in PRIORITIES:
        row = tx.one(
            f"SELECT next_attempt FROM delivery WHERE destination = :name AND status = {WAITING}"
            " AND priority = :priority ORDER BY next_attempt LIMIT 1",
            name=name,
            priority=priority,
        )
        if row is not None:
            soonest = min(soonest, row[0])
    tx.execute(
        "UPDATE destination SET ready_at = :at WHERE name = :name",
        name=name,
        at=max(now, soonest),
    )


def _let_go(tx: Tx, lease: int, now: int, ident: int | None = None) -> None:
    """What a lease still has (of one letter) waits again, or is held when its letter is."""
    ready: dict[str, int] = {}
    for row in tx.all(
        "UPDATE delivery SET lease = NULL, next_attempt = :now, status ="
        " CASE WHEN (SELECT held FROM queued WHERE id = delivery.queued_id) = 1"
        f" THEN {HELD} ELSE {WAITING} END WHERE lease = :lease"
        + ("" if ident is None else " AND queued_id = :ident")
        + " RETURNING destination",
        lease=lease,
        now=now,
        **({} if ident is None else {"ident": ident}),
    ):
        ready[row[0]] = now
    make_ready(tx, ready)
