"""What scripts of an account remember: keys that lapse.

``duplicate`` remembers letters it has seen, ``vacation`` whom it has answered. Keys are texts
of any length that strangers choose, so their SHA-256 is stored. RFC 7352, RFC 5230 §4.2.
"""

import hashlib
from typing import Final

from postroom.db.database import Tx

CHUNK: Final = 1000


def is_known(tx: Tx, account_id: int, key: str, now: int) -> bool:
    """Whether the key was remembered and has not lapsed."""
    row = tx.one(
        "SELECT until FROM memory WHERE account_id = :account AND digest = :digest",
        account=account_id,
        digest=_digest(key),
    )
    return row is not None and row[0] > now


def remember(tx: Tx, account_id: int, key: str, until: int) -> None:
    """Remember the key until then (ms), whatever was known of it."""
    tx.execute(
        "INSERT INTO memory (account_id, digest, until) VALUES (:account, :digest, :until)"
        " ON CONFLICT (account_id, digest) DO UPDATE SET until = excluded.until",
        account=account_id,
        digest=_digest(key),
        until=until,
    )


def claim(tx: Tx, account_id: int, key: str, now: int, until: int) -> bool:
    """Remember the key unless it is known: True for the one of many who came first."""
    row = tx.one(
        "INSERT INTO memory (account_id, digest, until) VALUES (:account, :digest, :until)"
        " ON CONFLICT (account_id, digest) DO UPDATE SET until = excluded.until"
        " WHERE memory.until <= :now RETURNING until",
        account=account_id,
        digest=_digest(key),
        until=until,
        now=now,
    )
    return row is not None


def purge(tx: Tx, now: int) -> int:
    """Forget some that have lapsed, at most ``CHUNK``; how many."""
    return tx.execute(
        "DELETE FROM memory WHERE (account_id, digest) IN (SELECT account_id, digest FROM memory"
        " WHERE until <= :now ORDER BY until LIMIT :chunk)",
        now=now,
        chunk=CHUNK,
    )


def forget_account(tx: Tx, account_id: int) -> None:
    """Forget all of an account."""
    tx.execute("DELETE FROM memory WHERE account_id = :account", account=account_id)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
