"""Browsers in which somebody has logged in before, as functions of an open transaction.

A browser is known by a secret that it keeps for a year; only its digest is here.
"""

from enum import Enum
from typing import Final

from postroom.db.database import Tx

KEPT_MS: Final = 400 * 86_400_000
MOST: Final = 50  # of one account; the one not used for longest goes


class Acquaintance(Enum):
    """How well an account knows a browser."""

    FIRST = "the first that it logs in from"
    NEW = "none that it has logged in from before"
    KNOWN = "one of those"


def met(tx: Tx, account_id: int, digest: bytes, now: int) -> Acquaintance:
    """Note a login from a browser; how well it was known."""
    tx.execute(
        "DELETE FROM web_device WHERE account_id = :id AND seen < :before",
        id=account_id,
        before=now - KEPT_MS,
    )
    rows = tx.all(
        "SELECT digest FROM web_device WHERE account_id = :id ORDER BY seen DESC", id=account_id
    )
    known = [bytes(row[0]) for row in rows]
    tx.execute(
        "INSERT INTO web_device (account_id, digest, seen) VALUES (:id, :digest, :now)"
        " ON CONFLICT (account_id, digest) DO UPDATE SET seen = :now",
        id=account_id,
        digest=digest,
        now=now,
    )
    if digest in known:
        return Acquaintance.KNOWN
    for old in known[MOST - 1 :]:
        tx.execute(
            "DELETE FROM web_device WHERE account_id = :id AND digest = :digest",
            id=account_id,
            digest=old,
        )
    return Acquaintance.NEW if known else Acquaintance.FIRST
