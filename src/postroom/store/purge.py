"""Purge: expunged copies end, and messages that nothing names any more leave the account.

Always in chunks: ``purge`` ends named copies of one account, ``purge_oldest`` those whose
time is over, of all accounts together.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from postroom.blobs.store import BlobStore
from postroom.db.database import Tx
from postroom.store import expunged, references, removal, usage

NEVER: Final = 1 << 62  # later than every time
CHUNK: Final = 1000


class Purged(msgspec.Struct, frozen=True):
    """How many copies went; ``octets`` and ``blob_ids`` of the messages that went with them."""

    messages: int = 0
    octets: int = 0
    blob_ids: tuple[int, ...] = ()

    def __add__(self, other: "Purged") -> "Purged":
        """Both together; of which blobs is not remembered, there may be many."""
        return Purged(self.messages + other.messages, self.octets + other.octets)


def purge(tx: Tx, blobs: BlobStore, account_id: int, idents: Sequence[int], now: int) -> Purged:
    """End these copies of an account, at most ``expunged.MOST_NAMED``; others are left alone."""
    usage.lock(tx, account_id, now)
    chosen = expunged.listed(idents)
    named = f"SELECT message_id FROM expunged WHERE account_id = :account AND {chosen}"
    references.drop(tx, account_id, named)
    gone = tx.execute(
        f"DELETE FROM expunged WHERE account_id = :account AND {chosen}", account=account_id
    )
    spent = removal.release_spent(tx, blobs, account_id, now)
    return Purged(gone, sum(size for _, size in spent), tuple(blob_id for blob_id, _ in spent))


def purge_oldest(tx: Tx, blobs: BlobStore, now: int, *, before: int, octets: int) -> Purged:
    """End the oldest ``CHUNK`` copies of all accounts that were expunged before a time.

    With ``octets`` no more than are needed for that many.
    """
    rows = tx.all(
        "SELECT account_id, id, size FROM expunged WHERE expunged_at < :before"
        " ORDER BY expunged_at LIMIT :chunk",
        before=before,
        chunk=CHUNK,
    )
    copies: dict[int, list[int]] = {}
    room = octets
    for account_id, ident, size in rows:
        copies.setdefault(account_id, []).append(ident)
        room -= size
        if octets and room <= 0:
            break
    done = Purged()
    for account_id in sorted(copies):
        done += purge(tx, blobs, account_id, copies[account_id], now)
    return done
