"""The rows of the queue: one a letter, one a remote recipient, one a destination.

    queued       the letter: its blob, its sender, what it asks for
    delivery     one recipient: when it is due, who tries it at present
    lease        a batch of deliveries that a worker has at present
    destination  where they go: how many wait, when the next is due, how many at a time

``add`` is called in the commit of the letter, so it touches each destination once a batch,
in the order of their names: two transactions on PostgreSQL never wait in a circle.
Envelope octets end up in commands to other servers: what could end a command is refused
when the value is made (threat R11), so no such row can be inserted.

RFC 3461 (RET, ENVID, NOTIFY, ORCPT), RFC 5321 §4.5.4 (queueing).
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, Literal

import msgspec

from postroom.db.database import Tx

WAITING: Final = 0
CLAIMED: Final = 1
QUARANTINED: Final = 2
HELD: Final = 3

STRANGER: Final = 0
VERIFIED: Final = 1
OURS: Final = 2

FIRST: Final = 0
NORMAL: Final = 1
BULK: Final = 2
PRIORITIES: Final = (FIRST, NORMAL, BULK)

NOTIFY_KEY: Final = 1
"""The key under which ``notify`` tells that the queue has new work; no mailbox has it."""

NEVER: Final = 1 << 62
"""``ready_at`` of a destination all of whose deliveries are claimed or held."""

CAP: Final = 5  # batches for one destination at a time, until delivery learns better

_UNSAFE: Final = re.compile(rb"[\x00-\x1f\x7f]")


class Queued(msgspec.Struct, frozen=True):
    """A letter with remote recipients; ``sender`` is b"" for the null reverse-path.

    ``prefix`` stands before the blob. ``account_id``: who submitted it. ``smtputf8``,
    ``eightbit``, ``requiretls``: what the next server must be able to do. ``due`` is
    ``accepted`` unless the sender asked for later (RFC 4865); patience is counted from it.
    ``origin``: STRANGER, VERIFIED or OURS; letters of ours are signed, re-encoded where
    needed; senders who are no strangers are told of failures. ``is_held``: nobody tries it until it is
    released. Raises ValueError for octets that have no place in a command.
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
    requiretls: bool = False
    due: int = 0
    origin: int = OURS
    priority: int = NORMAL
    is_held: bool = False

    def __post_init__(self) -> None:
        """Refuse what could end a command."""
        _check(self.sender)
        if self.envid is not None:
            _check(self.envid)

    @property
    def first_attempt(self) -> int:
        """When delivery begins, in milliseconds."""
        return max(self.due, self.accepted)


class Inward(msgspec.Struct, frozen=True):
    """The account here that a delivery is for, whatever else the address leads to.

    ``detail`` of the subaddress it was reached by; ``junk``: why it was judged so, with its
    ``score``, "" when it was not.
    """

    account_id: int
    detail: str | None = None
    junk: str = ""
    score: float = 0.0


class Outgoing(msgspec.Struct, frozen=True):
    """One remote recipient, the ``number``th of its letter; or an account here that was full.

    ``destination`` is its domain, lower-case A-labels. ``orcpt`` and ``notify`` as in the
    RCPT command. ``lease``: the worker that has it from the first moment on. ``patient``: it is
    tried for longer, as a backup MX does. Raises ValueError as ``Queued`` does.
    """

    queued_id: int
    number: int
    recipient: bytes
    destination: str
    orcpt: bytes | None = None
    notify: str | None = None
    lease: int | None = None
    patient: bool = False
    inward: Inward | None = None

    def __post_init__(self) -> None:
        """Refuse what could end a command."""
        if not self.recipient:
            raise ValueError("a delivery has a recipient")
        _check(self.recipient)
        if self.orcpt is not None:
            _check(self.orcpt)
        if self.notify is not None:
            _check(self.notify.encode())


def unsuccessful(notify: str | None) -> str | None:
    """The wish of RFC 3461 §4.1 without that to hear of success, which was told already."""
    if notify is None or "SUCCESS" not in notify:
        return notify
    return notify.replace("SUCCESS", "").strip(",") or "NEVER"


def add(tx: Tx, queued: Sequence[Queued], outgoing: Sequence[Outgoing]) -> None:
    """Queue letters. Raises ConstraintFailed when one is there already."""
    letters = {q.id: q for q in queued}
    tx.many(
        "INSERT INTO queued (id, blob_id, prefix, account_id, sender, ret, envid, smtputf8,"
        " eightbit, requiretls, size, accepted, due, origin, priority, held, crashes)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
        [
            (
                q.id, q.blob_id, q.prefix, q.account_id, q.sender, q.ret, q.envid,
                int(q.smtputf8), int(q.eightbit), int(q.requiretls), q.size, q.accepted,
                q.first_attempt, q.origin, q.priority, int(q.is_held),
            )
            for q in queued
        ],
    )  # fmt: skip
    tx.many(
        "INSERT INTO delivery (queued_id, number, recipient, orcpt, notify, destination, status,"
        " priority, next_attempt, attempts, warned, lease, patient, inward)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, ?, ?, ?)",
        [
            (
                o.queued_id, o.number, o.recipient, o.orcpt, o.notify, o.destination,
                _status(letters[o.queued_id], o), letters[o.queued_id].priority,
                letters[o.queued_id].first_attempt, o.lease, int(o.patient),
                None if o.inward is None else msgspec.json.encode(o.inward).decode(),
            )
            for o in outgoing
        ],
    )  # fmt: skip
    ready: dict[str, int] = {}
    for one in outgoing:
        letter = letters[one.queued_id]
        due = letter.first_attempt if _status(letter, one) == WAITING else NEVER
        ready[one.destination] = min(due, ready.get(one.destination, NEVER))
    expect(tx, Counter(one.destination for one in outgoing), ready)


def _status(letter: Queued, one: Outgoing) -> int:
    if letter.is_held:
        return HELD
    return WAITING if one.lease is None else CLAIMED


def expect(tx: Tx, counts: Counter[str], ready: Mapping[str, int]) -> None:
    """Count new deliveries to destinations; ``ready``: when the first of them is due."""
    tx.many(
        "INSERT INTO destination (name, waiting, ready_at, paused_until, cap, failures)"
        f" VALUES (?, ?, ?, 0, {CAP}, 0) ON CONFLICT (name) DO UPDATE"
        " SET waiting = destination.waiting + excluded.waiting,"
        " ready_at = CASE WHEN destination.waiting = 0 OR destination.ready_at > excluded.ready_at"
        " THEN excluded.ready_at ELSE destination.ready_at END",
        [(name, count, ready[name]) for name, count in sorted(counts.items())],
    )


def make_ready(tx: Tx, ready: Mapping[str, int]) -> None:
    """Deliveries to these destinations are due again at these times."""
    tx.many(
        "UPDATE destination SET ready_at = ? WHERE name = ? AND ready_at > ?",
        [(at, name, at) for name, at in sorted(ready.items())],
    )


def forget(tx: Tx, counts: Counter[str]) -> None:
    """Count deliveries off their destinations."""
    tx.many(
        "UPDATE destination SET waiting = waiting - ? WHERE name = ?",
        [(count, name) for name, count in sorted(counts.items())],
    )


def still_waiting(tx: Tx, ids: Sequence[int]) -> set[int]:
    """Which of these letters (at most a thousand) are in the queue."""
    names = {f"n{place}": ident for place, ident in enumerate(ids)}
    marks = ", ".join(f":{name}" for name in names)
    return {row[0] for row in tx.all(f"SELECT id FROM queued WHERE id IN ({marks})", **names)}


def _check(octets: bytes) -> None:
    if _UNSAFE.search(octets):
        raise ValueError("a control character has no place in an envelope")
