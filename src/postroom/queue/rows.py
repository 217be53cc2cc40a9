"""The rows of the queue: one a letter, one a remote recipient, one a destination.

    queued       the letter: its blob, its sender, what it asks for; refs = its deliveries
    delivery     one recipient: when it is due, who tries it at present
    destination  where they go: how many wait, when the next is due, how many at a time

``add`` is called in the commit of the letter, so it touches each destination once a batch,
in the order of their names: two transactions on PostgreSQL never wait in a circle.
Envelope octets end up in commands to other servers: what could end a command is refused
when the value is made (threat R11), so no such row can be inserted.

RFC 3461 (RET, ENVID, NOTIFY, ORCPT), RFC 5321 §4.5.4 (queueing).
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from postroom.db.database import Tx

WAITING: Final = 0
CLAIMED: Final = 1
QUARANTINED: Final = 2
HELD: Final = 3

NOTIFY_KEY: Final = 1
"""The key under which ``notify`` tells that the queue has new work; no mailbox has it."""

CAP: Final = 20  # deliveries to one destination at a time, until delivery learns better

_UNSAFE: Final = re.compile(rb"[\x00-\x1f\x7f]")


class Queued(msgspec.Struct, frozen=True):
    """A letter with remote recipients; ``sender`` is b"" for the null reverse-path.

    ``prefix`` stands before the blob. ``account_id``: who submitted it. ``smtputf8``,
    ``eightbit``: what the next server must be able to do. Raises ValueError for octets
    that have no place in a command.
    """

    id: int
    blob_id: int
    sender: bytes
    size: int
    accepted: int
    account_id: int | None = None
    prefix: bytes = b""
    ret: Literal["FULL", "HDRS"] | None = None
    envid: bytes | None = None
    smtputf8: bool = False
    eightbit: bool = False
    priority: int = 0

    def __post_init__(self) -> None:
        """Refuse what could end a command."""
        _check(self.sender)
        if self.envid is not None:
            _check(self.envid)


class Outgoing(msgspec.Struct, frozen=True):
    """One remote recipient. ``destination`` is its domain, lower-case A-labels.

    ``orcpt`` and ``notify`` as in the RCPT command. Raises ValueError as ``Queued`` does.
    """

    id: int
    queued_id: int
    recipient: bytes
    destination: str
    orcpt: bytes | None = None
    notify: str | None = None

    def __post_init__(self) -> None:
        """Refuse what could end a command."""
        if not self.recipient:
            raise ValueError("a delivery has a recipient")
        _check(self.recipient)
        if self.orcpt is not None:
            _check(self.orcpt)
        if self.notify is not None:
            _check(self.notify.encode())


def add(tx: Tx, queued: Sequence[Queued], outgoing: Sequence[Outgoing], now: int) -> None:
    """Queue letters: all are due at once. Raises ConstraintFailed when one is there already."""
    refs = Counter(one.queued_id for one in outgoing)
    tx.many(
        "INSERT INTO queued (id, blob_id, prefix, account_id, sender, ret, envid, smtputf8,"
        " eightbit, size, accepted, priority, held, refs)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?)",
        [
            (
                q.id, q.blob_id, q.prefix, q.account_id, q.sender, q.ret, q.envid,
                int(q.smtputf8), int(q.eightbit), q.size, q.accepted, q.priority, refs[q.id],
            )
            for q in queued
        ],
    )  # fmt: skip
    tx.many(
        "INSERT INTO delivery (id, queued_id, recipient, orcpt, notify, destination, status,"
        f" next_attempt, attempts) VALUES (?, ?, ?, ?, ?, ?, {WAITING}, ?, 0)",
        [(o.id, o.queued_id, o.recipient, o.orcpt, o.notify, o.destination, now) for o in outgoing],
    )
    expect(tx, Counter(one.destination for one in outgoing), now)


def expect(tx: Tx, counts: Counter[str], now: int) -> None:
    """Count new deliveries to destinations, which are due from ``now`` on."""
    tx.many(
        "INSERT INTO destination (name, waiting, ready_at, paused_until, in_flight, cap, failures)"
        f" VALUES (?, ?, ?, 0, 0, {CAP}, 0) ON CONFLICT (name) DO UPDATE"
        " SET waiting = destination.waiting + excluded.waiting,"
        " ready_at = CASE WHEN destination.waiting = 0 OR destination.ready_at > excluded.ready_at"
        " THEN excluded.ready_at ELSE destination.ready_at END",
        [(name, count, now) for name, count in sorted(counts.items())],
    )


def still_waiting(tx: Tx, ids: Sequence[int]) -> set[int]:
    """Which of these letters (at most a thousand) are in the queue."""
    names = {f"n{place}": ident for place, ident in enumerate(ids)}
    marks = ", ".join(f":{name}" for name in names)
    return {row[0] for row in tx.all(f"SELECT id FROM queued WHERE id IN ({marks})", **names)}


def _check(octets: bytes) -> None:
    if _UNSAFE.search(octets):
        raise ValueError("a control character has no place in an envelope")
