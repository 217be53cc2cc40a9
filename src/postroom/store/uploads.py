"""Uploads: octets that a mail program has brought, to be put into messages later (RFC 8620 §6).

They are in no mailbox and count to no quota; how much of them a person may have lying here is
bounded. Each row is a reference to its blob. What has lain for ``KEPT_MS`` goes; to make room, what
has lain for ``SPARED_MS``, the oldest first.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import msgspec

from postroom.blobs.store import GRACE_MS, BlobStore
from postroom.db.database import Row, Tx
from postroom.errors import Refused

SPARED_MS: Final = 3_600_000  # RFC 8620 §6.1: an hour at least
KEPT_MS: Final = 24 * SPARED_MS
MOST: Final = 1000  # of one person
CHUNK: Final = 1000

_COLUMNS: Final = "id, account_id, by_id, blob_id, size, type, at"


class TooManyUploads(Refused):
    """So much of a person lies here that there is no room for more."""


class Upload(msgspec.Struct, frozen=True):
    """One upload. ``account_id`` is for whose mail, ``by_id`` who brought it; ``at`` in ms."""

    id: int
    account_id: int
    by_id: int
    blob_id: int
    size: int
    type: str
    at: int


def add(tx: Tx, blobs: BlobStore, new: Upload, *, most_octets: int) -> None:
    """Keep it; its reference is counted already. Raises TooManyUploads.

    The oldest of the same person leave, as far as they must and an hour has passed.
    """
    rows = tx.all(
        "DELETE FROM upload WHERE at < :before AND id IN (SELECT id FROM (SELECT id,"
        " row_number() OVER (ORDER BY id DESC) AS place, sum(size) OVER (ORDER BY id DESC) AS octets"
        " FROM upload WHERE by_id = :person) AS counted WHERE place >= :most OR octets > :octets)"
        " RETURNING blob_id",
        before=new.at - SPARED_MS,
        person=new.by_id,
        most=MOST,
        octets=most_octets - new.size,
    )
    _release(tx, blobs, rows, new.at)
    check(tx, new.by_id, new.size, most_octets=most_octets, before=new.at - SPARED_MS)
    tx.execute(
        f"INSERT INTO upload ({_COLUMNS})"
        " VALUES (:id, :account_id, :by_id, :blob_id, :size, :type, :at)",
        **msgspec.structs.asdict(new),
    )


def check(tx: Tx, by_id: int, size: int, *, most_octets: int, before: int) -> None:
    """Raises TooManyUploads unless a person may bring so much now; ``before`` is an hour ago."""
    row = tx.one(
        "SELECT count(*), coalesce(sum(size), 0) FROM upload WHERE by_id = :person AND at >= :before",
        person=by_id,
        before=before,
    )
    count, octets = row or (0, 0)
    if count >= MOST or octets + size > most_octets:
        raise TooManyUploads(
            f"you have uploaded {count} files with {octets:,} octets within an hour: put them into"
            " messages, and bring more later"
        )


def named(tx: Tx, by_id: int, account_id: int, ident: int) -> Upload | None:
    """The one with this id, if the person has brought it for that account."""
    row = tx.one(
        f"SELECT {_COLUMNS} FROM upload"
        " WHERE id = :id AND by_id = :person AND account_id = :account",
        id=ident,
        person=by_id,
        account=account_id,
    )
    return Upload(*row) if row else None


def purge(tx: Tx, blobs: BlobStore, now: int, *, before: int) -> int:
    """End some that are older than ``before``, at most ``CHUNK``; how many there were."""
    rows = tx.all(
        "DELETE FROM upload WHERE id IN (SELECT id FROM upload WHERE at < :before"
        " ORDER BY at LIMIT :chunk) RETURNING blob_id",
        before=before,
        chunk=CHUNK,
    )
    _release(tx, blobs, rows, now)
    return len(rows)


def forget_account(tx: Tx, blobs: BlobStore, account_id: int, now: int) -> None:
    """End all that an account has brought, or that was brought for it."""
    rows = tx.all(
        "DELETE FROM upload WHERE by_id = :account OR account_id = :account RETURNING blob_id",
        account=account_id,
    )
    _release(tx, blobs, rows, now)


def _release(tx: Tx, blobs: BlobStore, rows: Sequence[Row], now: int) -> None:
    """What goes is collected at once: nobody undeletes an upload."""
    if rows:
        blobs.release(tx, Counter(row[0] for row in rows), now - GRACE_MS)
