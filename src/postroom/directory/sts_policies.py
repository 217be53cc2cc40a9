"""MTA-STS policies of other domains, as they are remembered between deliveries and restarts.

A policy must outlive a restart: who can suppress a DNS answer must not be able to switch a
known policy off (RFC 8461 §10.2). What it means is for ``mailauth.sts``.
"""

from typing import Final

import msgspec

from postroom.db.database import Tx
from postroom.mailauth.sts import Remembered

_KEEP_MS: Final = 7 * 86_400_000  # what holds no policy in force: a failure to be known of


def read(tx: Tx, domain: str) -> Remembered | None:
    """What is known of a domain; None for nothing, or for what can't be read any more."""
    row = tx.one("SELECT policy FROM sts_policy WHERE domain = :domain", domain=domain)
    if row is None:
        return None
    try:
        return msgspec.json.decode(row[0], type=Remembered)
    except msgspec.DecodeError:
        return None


def write(tx: Tx, domain: str, remembered: Remembered, now: int) -> None:
    """Remember it until the policy expires; ``now`` in ms."""
    policy = remembered.policy
    expires = now + _KEEP_MS
    if policy is not None:
        expires = max(expires, (remembered.fetched + policy.max_age) * 1000)
    tx.execute(
        "INSERT INTO sts_policy (domain, policy, expires) VALUES (:domain, :policy, :expires)"
        " ON CONFLICT (domain) DO UPDATE SET policy = excluded.policy, expires = excluded.expires",
        domain=domain,
        policy=msgspec.json.encode(remembered),
        expires=expires,
    )


def purge(tx: Tx, now: int) -> int:
    """Forget what has expired; how many rows went."""
    return tx.execute("DELETE FROM sts_policy WHERE expires < :now", now=now)
