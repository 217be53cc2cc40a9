"""What was written while the clock was wrong, after it was set right.

A clock that is ahead, for a minute and by a year, leaves times behind that nobody would live to
see: destinations put off, the next attempts of what was tried meanwhile, letters that came then
and are due then. ``bring_back`` finds them by how far ahead they are, and makes them due now.
What is to go later because its sender wants it so (RFC 4865) still does.
"""

from typing import Final

from postroom.db.database import Tx
from postroom.db.ids import first_id_at
from postroom.queue.claims import LEASE_MS, set_ready
from postroom.queue.rows import PRIORITIES, WAITING

AHEAD_MS: Final = 3_600_000  # what clocks of servers may differ by
_CHUNK: Final = 1000  # deliveries in one UPDATE


def bring_back(tx: Tx, now: int, longest: int, after: str, most: int) -> str | None:
    """Do so for the next ``most`` destinations by name; the last of them, None after all.

    ``longest``: what an attempt is put off by at most. Begin with "".
    """
    if not after:
        _letters(tx, now)
        tx.execute(
            "UPDATE lease SET until = :until WHERE until > :ahead",
            until=now + LEASE_MS,
            ahead=now + LEASE_MS + AHEAD_MS,
        )
    rows = tx.all(
        "SELECT name, ready_at, paused_until FROM destination WHERE name > :after AND waiting > 0"
        " ORDER BY name LIMIT :most",
        after=after,
        most=most,
    )
    limit = now + longest + AHEAD_MS
    for name, ready_at, paused_until in rows:
        changed = _deliveries(tx, name, now, limit)
        if paused_until > limit:
            tx.execute("UPDATE destination SET paused_until = 0 WHERE name = :name", name=name)
        if changed or ready_at > limit:
            set_ready(tx, name, now)
    return rows[-1][0] if len(rows) == most else None


def _letters(tx: Tx, now: int) -> None:
    """Those that came when it was later than it is now; what they are to wait they still do."""
    tx.execute(
        "UPDATE queued SET due = due - (accepted - :now), accepted = :now"
        " WHERE id >= :first AND accepted > :ahead",
        now=now,
        first=first_id_at(now + AHEAD_MS),
        ahead=now + AHEAD_MS,
    )


def _deliveries(tx: Tx, name: str, now: int, limit: int) -> bool:
    """Whether any of them waited for a time that was wrong."""
    has_changed = False
    for priority in PRIORITIES:
        while tx.execute(
            "UPDATE delivery SET next_attempt = (SELECT CASE WHEN due > :now THEN due ELSE :now END"
            " FROM queued WHERE queued.id = delivery.queued_id)"
            " WHERE (queued_id, number) IN (SELECT d.queued_id, d.number FROM delivery d"
            " JOIN queued q ON q.id = d.queued_id WHERE d.destination = :name"
            f" AND d.status = {WAITING} AND d.priority = :priority AND d.next_attempt > :limit"
            " AND d.next_attempt > q.due LIMIT :most)",
            name=name,
            now=now,
            priority=priority,
            limit=limit,
            most=_CHUNK,
        ):
            has_changed = True
    return has_changed
