"""Bans as rows of ``ban``: what a postmaster adds, lists and removes, and what is kept.

``bans`` says what they do. A row stays for a while after its end, so that the next ban of the
same network is longer.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from postroom.db.database import Tx, number
from postroom.policy.bans import FOR_GOOD, FORGET_MS, MAX_EARNED, Ban, Doors

_COLUMNS: Final = "network, doors, reason, since, until, times, by_hand"
_CHUNK: Final = 1_000


def put(tx: Tx, bans: Iterable[Ban]) -> None:
    """Write bans, in place of those that their networks had; never in place of a postmaster's."""
    tx.many(
        f"INSERT INTO ban ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (network, doors) DO UPDATE SET reason = excluded.reason,"
        " since = excluded.since, until = excluded.until, times = excluded.times,"
        " by_hand = excluded.by_hand"
        " WHERE excluded.by_hand = 1 OR ban.by_hand = 0"
        f" OR (ban.until <> {FOR_GOOD} AND ban.until <= excluded.since)",
        [
            (one.network, one.doors, one.reason, one.since, one.until, one.times, int(one.by_hand))
            for one in bans
        ],
    )


def remove(tx: Tx, networks: Sequence[str], doors: Doors | None = None) -> list[Ban]:
    """Take away the bans of exactly these networks, for all doors or those of one kind.

    Those that were there, in force or not.
    """
    which = "" if doors is None else " AND doors = :doors"
    named = {} if doors is None else {"doors": str(doors)}
    return [
        _ban(row)
        for network in networks
        for row in tx.all(
            f"DELETE FROM ban WHERE network = :network{which} RETURNING {_COLUMNS}",
            network=network,
            **named,
        )
    ]


def page(tx: Tx, after: tuple[str, str], limit: int, now: int, search: str = "") -> list[Ban]:
    """The next bans in force, by network and doors."""
    chosen, given = _in_force(now, search)
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM ban WHERE (network, doors) > (:network, :doors) AND {chosen}"
        " ORDER BY network, doors LIMIT :limit",
        network=after[0],
        doors=after[1],
        limit=limit,
        **given,
    )
    return [_ban(row) for row in rows]


def count(tx: Tx, now: int, search: str = "") -> int:
    """How many are in force, of those with a text."""
    chosen, given = _in_force(now, search)
    return number(tx, f"SELECT count(*) FROM ban WHERE {chosen}", **given)


def _in_force(now: int, search: str) -> tuple[str, dict[str, object]]:
    """The condition, and its parameters."""
    chosen, given = f"(until = {FOR_GOOD} OR until > :now)", dict[str, object](now=now)
    if search:
        chosen += " AND (instr(network, :search) > 0 OR instr(reason, :search) > 0)"
        given["search"] = search
    return chosen, given


def every(tx: Tx) -> list[Ban]:
    """What a server keeps in memory: all of a postmaster's, the newest of the others."""
    rows = tx.all(f"SELECT {_COLUMNS} FROM ban WHERE by_hand = 1")
    rows += reversed(
        tx.all(
            f"SELECT {_COLUMNS} FROM ban WHERE by_hand = 0 ORDER BY since DESC LIMIT :most",
            most=MAX_EARNED,
        )
    )
    return [_ban(row) for row in rows]


def state(tx: Tx) -> tuple[int, int]:
    """Other than before when a row came, went or was replaced."""
    row = tx.one("SELECT count(*), coalesce(max(since), 0) FROM ban")
    return (row[0], row[1]) if row else (0, 0)


def purge(tx: Tx, now: int) -> int:
    """Forget bans that ended long ago, at most a thousand; how many there were."""
    return tx.execute(
        "DELETE FROM ban WHERE (network, doors) IN"
        f" (SELECT network, doors FROM ban WHERE until <> {FOR_GOOD} AND until < :long_ago"
        " LIMIT :most)",
        long_ago=now - FORGET_MS,
        most=_CHUNK,
    )


def _ban(row: tuple[Any, ...]) -> Ban:
    network, doors, reason, since, until, times, by_hand = row
    return Ban(network, doors, reason, since, until, times, bool(by_hand))
