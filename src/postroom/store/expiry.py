r"""Expiry: messages leave mailboxes some time after they came there.

The time of an entry is its SAVEDATE (RFC 8514), not that of the message. UIDs ascend with it
(but for a clock that was set back, which delays and never hastens), so a mailbox is read from
its first UID up to the first page that ends with something younger. What is \Flagged stays.
"""

from typing import Final

import msgspec

from postroom.blobs.store import BlobStore
from postroom.db.database import Tx
from postroom.db.ids import Ids
from postroom.store import removal, sweeps, usage
from postroom.store.flags import FLAGGED
from postroom.store.removal import Removal
from postroom.store.spans import MAX_LISTED, span_of

MAILBOXES: Final = 1000  # looked at in one statement
CHUNK: Final = MAX_LISTED  # entries looked at, and at most removed, in one transaction


class Expiry(msgspec.Struct, frozen=True):
    """An order: what came into this mailbox before a time (ms) leaves it.

    ``special_use`` is the whole of its column: a mailbox that was given another is left alone.
    """

    account_id: int
    mailbox_id: int
    special_use: str | None
    before: int


class Page(msgspec.Struct, frozen=True):
    """The UIDs to go of a page of entries; ``after``: where the next one begins, 0: no other."""

    uids: list[int]
    after: int


def overdue(tx: Tx, special_use: str, before: int, after: int) -> tuple[list[Expiry], int]:
    """The mailboxes of a use whose first entry is older, and the id to go on after (0: all).

    Those of which something else was said (``retention``) are left out.
    """
    rows = tx.all(
        "SELECT m.account_id, m.id, (SELECT e.saved FROM entry e WHERE e.mailbox_id = m.id"
        " ORDER BY e.uid LIMIT 1) FROM mailbox m"
        " WHERE m.special_use = :use AND m.id > :after"
        " AND NOT EXISTS (SELECT 1 FROM retention r WHERE r.mailbox_id = m.id)"
        " ORDER BY m.id LIMIT :limit",
        use=special_use,
        after=after,
        limit=MAILBOXES,
    )
    found = [
        Expiry(account_id, mailbox_id, special_use, before)
        for account_id, mailbox_id, saved in rows
        if saved is not None and saved < before
    ]
    return found, rows[-1][1] if len(rows) == MAILBOXES else 0


def page(tx: Tx, order: Expiry, after: int) -> Page:
    """What is to go among the next ``CHUNK`` entries above UID ``after``."""
    rows = tx.all(
        f"SELECT e.uid, e.saved, e.flags FROM {sweeps.rows(tx, order.mailbox_id, None)}"
        " JOIN mailbox m ON m.id = e.mailbox_id"
        " WHERE e.mailbox_id = :mailbox AND e.uid > :after AND coalesce(m.special_use, '') = :use"
        " ORDER BY e.uid LIMIT :limit",
        mailbox=order.mailbox_id,
        after=after,
        use=order.special_use or "",
        limit=CHUNK,
    )
    uids = [uid for uid, saved, flags in rows if saved < order.before and not flags & FLAGGED]
    is_over = len(rows) < CHUNK or rows[-1][1] >= order.before
    return Page(uids, 0 if is_over else rows[-1][0])


def expire(
    tx: Tx, blobs: BlobStore, order: Expiry, after: int, now: int, keeps: Ids | None = None
) -> Page:
    """Expunge what ``page`` finds now; with ``keeps`` copies can be had back."""
    usage.lock(tx, order.account_id, now)
    chosen = page(tx, order, after)
    if chosen.uids:
        going = Removal(order.account_id, order.mailbox_id, span_of(chosen.uids), keeps=keeps)
        removal.expunge(tx, blobs, going, now)
    return chosen
