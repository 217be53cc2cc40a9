"""Rejects: messages that an account refused, kept for a while to be looked at.

They are in no mailbox and count to no quota. Of an account the latest ``MOST`` stay, and of
these as many as weigh ``MOST_OCTETS`` together; ``purge`` ends those that are too old. Each
row is a reference to its blob.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from postroom.blobs.store import GRACE_MS, BlobStore
from postroom.db.database import Row, Tx, number

KEPT_MS: Final = 14 * 86_400_000
MOST: Final = 1000
MOST_OCTETS: Final = 100_000_000
CHUNK: Final = 1000
NEWEST: Final = 1 << 62

SEARCHED: Final = 20_000

# Rows of the directory, which is a neighbour.
_OF_DOMAINS: Final = (
    "account_id IN (SELECT a.account_id FROM domain_admin s JOIN address a"
    " ON a.domain_id = s.domain_id WHERE s.account_id = :within AND a.main = 1)"
)
_COLUMNS: Final = (
    "id, account_id, blob_id, at, prefix, size, recipient, sender, author, subject, reason, kind"
)


class Sought(msgspec.Struct, frozen=True):
    """Which of all accounts. ``within``: people of the domains of this administrator (an id).

    ``words`` are part of what a reject says of itself; they are looked for in the newest.
    """

    within: int | None = None
    words: str = ""


class Reject(msgspec.Struct, frozen=True):
    """A refused message of one account. ``at`` is in ms; ``size`` that of prefix and blob.

    ``recipient`` and ``sender`` are of the envelope, ``author`` is who stands in From, and
    ``reason`` is in plain words; ``kind`` is "malware" or "spam" where it was refused as such.
    """

    id: int
    account_id: int
    blob_id: int
    at: int
    prefix: bytes
    size: int
    recipient: str
    sender: str
    author: str
    subject: str
    reason: str
    kind: str = ""


def add(tx: Tx, blobs: BlobStore, rejects: Sequence[Reject], now: int) -> None:
    """Keep these, whose references are counted already; the oldest leave."""
    tx.many(
        f"INSERT INTO reject ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [msgspec.structs.astuple(one) for one in rejects],
    )
    for account_id in sorted({one.account_id for one in rejects}):
        rows = tx.all(
            "DELETE FROM reject WHERE id IN (SELECT id FROM (SELECT id,"
            " row_number() OVER (ORDER BY id DESC) AS place,"
            " sum(size) OVER (ORDER BY id DESC) AS octets"
            " FROM reject WHERE account_id = :account) AS counted"
            " WHERE place > :most OR octets > :octets) RETURNING blob_id",
            account=account_id,
            most=MOST,
            octets=MOST_OCTETS,
        )
        _release(tx, blobs, rows, now)


def newest(tx: Tx, account_id: int, *, below: int = NEWEST, limit: int) -> list[Reject]:
    """A page of an account's, the latest first, with ids under ``below``."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM reject WHERE account_id = :account AND id < :below"
        " ORDER BY id DESC LIMIT :limit",
        account=account_id,
        below=below,
        limit=limit,
    )
    return [_read(row) for row in rows]


def count(tx: Tx, account_id: int) -> int:
    """How many an account has."""
    return number(tx, "SELECT count(*) FROM reject WHERE account_id = :account", account=account_id)


def of_all(tx: Tx, sought: Sought, *, below: int = NEWEST, limit: int) -> list[Reject]:
    """Those of all accounts, or of some, the latest first, with ids under ``below``."""
    where, given = _matching(sought)
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM reject WHERE id < :below{where} ORDER BY id DESC LIMIT :limit",
        below=below,
        limit=limit,
        **given,
    )
    return [_read(row) for row in rows]


def count_of_all(tx: Tx, sought: Sought) -> int:
    """How many match."""
    where, given = _matching(sought)
    return number(tx, f"SELECT count(*) FROM reject WHERE id > 0{where}", **given)


def _matching(sought: Sought) -> tuple[str, dict[str, object]]:
    """The rest of a condition (it may be empty), and its parameters."""
    where, given = "", dict[str, object]()
    if sought.within is not None:
        where += f" AND {_OF_DOMAINS}"
        given["within"] = sought.within
    if sought.words:
        where += (
            " AND id >= (SELECT coalesce(min(id), 0) FROM"
            f" (SELECT id FROM reject ORDER BY id DESC LIMIT {SEARCHED}) AS newest)"
            f" AND instr(lower(recipient || ' ' || sender || ' ' || author || ' ' || subject"
            " || ' ' || reason), :words) > 0"
        )
        given["words"] = sought.words.lower()
    return where, given


def named(tx: Tx, account_id: int, ident: int) -> Reject | None:
    """The one with this id, if the account has it."""
    row = tx.one(
        f"SELECT {_COLUMNS} FROM reject WHERE id = :id AND account_id = :account",
        id=ident,
        account=account_id,
    )
    return _read(row) if row else None


def remove(tx: Tx, blobs: BlobStore, idents: Iterable[int], now: int) -> int:
    """End these; how many there were."""
    rows = [
        row
        for ident in sorted(idents)
        for row in tx.all("DELETE FROM reject WHERE id = :id RETURNING blob_id", id=ident)
    ]
    _release(tx, blobs, rows, now)
    return len(rows)


def purge(tx: Tx, blobs: BlobStore, now: int, *, before: int) -> int:
    """End some that are older than ``before``, at most ``CHUNK``; how many there were."""
    rows = tx.all(
        "DELETE FROM reject WHERE id IN (SELECT id FROM reject WHERE at < :before"
        " ORDER BY at LIMIT :chunk) RETURNING blob_id",
        before=before,
        chunk=CHUNK,
    )
    _release(tx, blobs, rows, now)
    return len(rows)


def forget_account(tx: Tx, blobs: BlobStore, account_id: int, now: int) -> None:
    """End all of an account."""
    rows = tx.all(
        "DELETE FROM reject WHERE account_id = :account RETURNING blob_id", account=account_id
    )
    _release(tx, blobs, rows, now)


def _read(row: Row) -> Reject:
    ident, account_id, blob_id, at, prefix, *rest = row
    return Reject(ident, account_id, blob_id, at, bytes(prefix), *rest)


def _release(tx: Tx, blobs: BlobStore, rows: Sequence[Row], now: int) -> None:
    """What goes is collected at once: a flood of what is refused must not fill the disk."""
    if rows:
        blobs.release(tx, Counter(row[0] for row in rows), now - GRACE_MS)
