"""Posts to mailing lists that wait for an owner: letters on hold for one address of the list.

What tells them from other letters on hold is how their recipient begins.
"""

import msgspec

from postroom.db.database import Tx
from postroom.queue.rows import HELD


class HeldPost(msgspec.Struct, frozen=True):
    """``id`` is the queue id; ``accepted`` is when it was put on hold, in milliseconds."""

    id: int
    recipient: str
    sender: str
    accepted: int
    origin: int


_COLUMNS = "q.id, d.recipient, q.sender, q.accepted, q.origin"
_JOINED = "delivery d JOIN queued q ON q.id = d.queued_id"


def page(tx: Tx, prefix: str, domain: str, after: int, limit: int) -> list[HeldPost]:
    """The next whose recipient in a domain begins so, by queue id."""
    start = prefix.encode()
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM {_JOINED} WHERE d.status = {HELD} AND q.id > :after"
        " AND d.destination = :domain AND d.recipient >= :low AND d.recipient < :high"
        " ORDER BY q.id LIMIT :limit",
        after=after,
        domain=domain,
        low=start,
        high=start + b"\x7f",
        limit=limit,
    )
    return [_post(*row) for row in rows]


def before(tx: Tx, now: int, after: int, limit: int) -> list[HeldPost]:
    """The next of all letters on hold that were accepted before then, by queue id."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM {_JOINED} WHERE d.status = {HELD} AND q.accepted < :now"
        " AND q.id > :after ORDER BY q.id LIMIT :limit",
        now=now,
        after=after,
        limit=limit,
    )
    return [_post(*row) for row in rows]


def find(tx: Tx, ident: int) -> HeldPost | None:
    """The letter of this queue id, if it is on hold."""
    row = tx.one(
        f"SELECT {_COLUMNS} FROM {_JOINED} WHERE d.status = {HELD} AND q.id = :id"
        " ORDER BY d.number LIMIT 1",
        id=ident,
    )
    return None if row is None else _post(*row)


def _post(ident: int, recipient: bytes, sender: bytes, accepted: int, origin: int) -> HeldPost:
    return HeldPost(
        id=ident,
        recipient=bytes(recipient).decode("utf-8", "replace"),
        sender=bytes(sender).decode("utf-8", "replace"),
        accepted=accepted,
        origin=origin,
    )
