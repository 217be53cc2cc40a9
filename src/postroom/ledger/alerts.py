"""Alerts that the owners were told of: what has begun since, and what is over.

An alert is the same as long as ``about`` and ``machine`` are, whatever its text says. It is over
when it was not seen for ``QUIET_MS``, so that one which comes and goes is told of once.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from postroom.db.database import Tx

QUIET_MS: Final = 6 * 3_600_000


class Told(msgspec.Struct, frozen=True):
    """An alert. ``machine`` is "" for what concerns all machines on one database."""

    about: str
    machine: str
    text: str


class Changes(msgspec.Struct, frozen=True):
    """What the owners do not know yet."""

    begun: list[Told]
    over: list[Told]


def changes(tx: Tx, present: Sequence[Told], machine: str, now: int) -> Changes:
    """Compare what is seen from this machine with what was told; ``now`` in ms."""
    rows = tx.all(
        "SELECT about, machine, text, seen FROM alert WHERE machine IN ('', :machine)"
        " ORDER BY about, machine",
        machine=machine,
    )
    known = {(row[0], row[1]) for row in rows}
    there = {(one.about, one.machine) for one in present}
    return Changes(
        [one for one in present if (one.about, one.machine) not in known],
        [
            Told(about, of, text)
            for about, of, text, seen in rows
            if (about, of) not in there and seen <= now - QUIET_MS
        ],
    )


def note(tx: Tx, present: Sequence[Told], over: Sequence[Told], now: int) -> None:
    """The owners know of what is present, and of what is over."""
    tx.many(
        "INSERT INTO alert (about, machine, text, seen) VALUES (?, ?, ?, ?) ON CONFLICT"
        " (about, machine) DO UPDATE SET text = excluded.text, seen = excluded.seen",
        [(one.about, one.machine, one.text, now) for one in present],
    )
    tx.many(
        "DELETE FROM alert WHERE about = ? AND machine = ?",
        [(one.about, one.machine) for one in over],
    )
