"""Devices as rows of ``device``: from where people have logged in well (``devices``)."""

from collections.abc import Iterable
from typing import Final

from postroom.db.database import Tx
from postroom.policy.devices import KNOWN_MS, MAX_DEVICES, Device

_CHUNK: Final = 1_000


def put(tx: Tx, devices: Iterable[Device]) -> None:
    """Write when these were seen last."""
    tx.many(
        "INSERT INTO device (login, network, seen) VALUES (?, ?, ?)"
        " ON CONFLICT (login, network) DO UPDATE SET seen = excluded.seen"
        " WHERE device.seen < excluded.seen",
        [(one.login, one.network, one.seen) for one in devices],
    )


def every(tx: Tx, now: int) -> list[Device]:
    """Those that are known now, as many as are kept in memory; the one seen last comes last."""
    rows = tx.all(
        "SELECT login, network, seen FROM device WHERE seen > :then ORDER BY seen DESC LIMIT :most",
        then=now - KNOWN_MS,
        most=MAX_DEVICES,
    )
    return [Device(*row) for row in reversed(rows)]


def since(tx: Tx, then: int) -> list[Device]:
    """Those that somebody has begun to use after ``then``, or again after a day: see ``devices``."""
    rows = tx.all(
        "SELECT login, network, seen FROM device WHERE seen > :then LIMIT :most",
        then=then,
        most=MAX_DEVICES,
    )
    return [Device(*row) for row in rows]


def purge(tx: Tx, now: int) -> int:
    """Forget those that are known no more, at most a thousand; how many there were."""
    return tx.execute(
        "DELETE FROM device WHERE (login, network) IN"
        " (SELECT login, network FROM device WHERE seen <= :then LIMIT :most)",
        then=now - KNOWN_MS,
        most=_CHUNK,
    )
