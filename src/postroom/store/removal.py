r"""Removal: entries leave a mailbox, messages that nothing names leave the account.

``expunge`` records what vanished for other sessions and gives back the quota. What is to be
had back goes to ``store.expunged``. Else a message whose last entry goes is deleted in the
same transaction and releases its blob, whose octets stay for a while (``blobs.collect``).
Long removals come in chunks of at most ``CHUNK`` entries, one transaction each, in the lower
lane.

RFC 3501 §6.4.3 (EXPUNGE), RFC 4315 §2.1 (UID EXPUNGE), RFC 7162 §3.2.7 (VANISHED).
"""

from collections import Counter
from typing import Final, NamedTuple

import msgspec

from postroom.blobs.store import BlobStore
from postroom.db.database import Tx
from postroom.db.ids import Ids
from postroom.store import (
    blocks,
    entries,
    expunged,
    mailboxes,
    references,
    seen,
    sweeps,
    textindex,
    usage,
    vanished,
)
from postroom.store.expunged import Source
from postroom.store.spans import Span

CHUNK: Final = 2500

_DELETED: Final = " AND (flags & 8) <> 0"


class Removal(msgspec.Struct, frozen=True):
    r"""What is to go: the entries of a span, only \Deleted ones if ``flagged``.

    With ``keeps``, which makes their ids, copies can be had back.
    """

    account_id: int
    mailbox_id: int
    span: Span
    flagged: bool = False
    keeps: Ids | None = None


class Chunk(NamedTuple):
    """A part of a span, and how many of its entries are to go."""

    span: Span
    messages: int


def next_chunk(tx: Tx, mailbox_id: int, span: Span, *, flagged: bool) -> Chunk | None:
    r"""The part of ``span`` to expunge next: ``CHUNK`` entries, only \Deleted if ``flagged``."""
    row = tx.one(
        "SELECT count(*), min(uid), max(uid) FROM (SELECT uid FROM entry"
        f" WHERE mailbox_id = :mailbox AND {span.where()}{_DELETED if flagged else ''}"
        " ORDER BY uid LIMIT :chunk) AS chosen",
        mailbox=mailbox_id,
        chunk=CHUNK,
    )
    if not row or not row[0]:
        return None
    return Chunk(Span(row[1], row[2], span.listed), row[0])


def expunge(tx: Tx, blobs: BlobStore, order: Removal, now: int) -> Chunk | None:
    """Remove the next chunk; None when there is nothing left."""
    account_id, mailbox_id = order.account_id, order.mailbox_id
    usage.lock(tx, account_id, now)
    chunk = next_chunk(tx, mailbox_id, order.span, flagged=order.flagged)
    if chunk is not None:
        modseq = entries.next_modseq(tx, account_id, mailbox_id)
        condition = chunk.span.where() + (_DELETED if order.flagged else "")
        if order.keeps is None:
            drop_references(tx, account_id, mailbox_id, condition)
        else:
            expunged.keep(tx, order.keeps, _source(account_id, mailbox_id, condition, chunk), now)
        stay = order.keeps is not None
        remove_entries(tx, account_id, mailbox_id, condition, modseq, stay=stay)
        release_spent(tx, blobs, account_id, now)
    return chunk


def _source(account_id: int, mailbox_id: int, condition: str, chunk: Chunk) -> Source:
    first, last = chunk.span.first, chunk.span.last
    return Source(account_id, mailbox_id, condition, chunk.messages, first, last)


def empty(
    tx: Tx,
    blobs: BlobStore,
    account_id: int,
    mailbox_id: int,
    now: int,
    keeps: Ids | None = None,
) -> bool:
    """Take one chunk out of a buried mailbox, at last the mailbox; True when it is gone.

    With ``keeps`` copies can be had back, unless the mailbox was buried for good.
    """
    usage.lock(tx, account_id, now)
    chunk = next_chunk(tx, mailbox_id, Span(1, 0xFFFFFFFF), flagged=False)
    if chunk is not None:
        condition = chunk.span.where()
        if keeps is None or not mailboxes.name_of(tx, mailbox_id):
            drop_references(tx, account_id, mailbox_id, condition)
        else:
            expunged.keep(tx, keeps, _source(account_id, mailbox_id, condition, chunk), now)
        remove_entries(tx, account_id, mailbox_id, condition, None)
        release_spent(tx, blobs, account_id, now)
        return False
    gone = tx.execute(
        "DELETE FROM vanished WHERE mailbox_id = :mailbox AND uid IN (SELECT uid FROM vanished"
        " WHERE mailbox_id = :mailbox ORDER BY uid LIMIT :chunk)",
        mailbox=mailbox_id,
        chunk=CHUNK,
    )
    if gone:
        return False
    tx.execute("DELETE FROM seen WHERE mailbox_id = :mailbox", mailbox=mailbox_id)
    tx.execute("DELETE FROM mailbox WHERE id = :mailbox", mailbox=mailbox_id)
    return True


def drop_references(tx: Tx, account_id: int, mailbox_id: int, condition: str) -> None:
    """Count down the messages of the entries that are about to go."""
    named = f"SELECT message_id FROM entry WHERE mailbox_id = :mailbox AND {condition}"
    references.drop(tx, account_id, named, mailbox=mailbox_id)


def remove_entries(
    tx: Tx,
    account_id: int,
    mailbox_id: int,
    condition: str,
    modseq: int | None,
    *,
    stay: bool = False,
) -> int:
    """Delete entries and count them off mailbox and account.

    ``modseq`` None: no trace. ``stay``: their messages do.
    """
    row = tx.one(
        "SELECT count(*), coalesce(sum(size), 0), min(uid), max(uid) FROM entry"
        f" WHERE mailbox_id = :mailbox AND {condition}",
        mailbox=mailbox_id,
    )
    if not row or not row[0]:
        return 0
    messages, octets, first, last = row
    if modseq is not None:
        vanished.note(tx, mailbox_id, condition, modseq, stay=stay)
    seen.forget(tx, mailbox_id, condition)
    tx.execute(f"DELETE FROM entry WHERE mailbox_id = :mailbox AND {condition}", mailbox=mailbox_id)
    blocks.forget(tx, mailbox_id, first, last)
    sweeps.forget(tx, mailbox_id, first, last)
    tx.execute(
        "UPDATE mailbox SET messages = messages - :messages, octets = octets - :octets"
        " WHERE id = :mailbox",
        messages=messages,
        octets=octets,
        mailbox=mailbox_id,
    )
    usage.charge(tx, account_id, -octets, -messages, 0)
    return int(messages)


def release_spent(tx: Tx, blobs: BlobStore, account_id: int, now: int) -> list[tuple[int, int]]:
    """Delete the account's messages that nothing names any more, release their blobs.

    (blob id, octets) of each.
    """
    rows = tx.all(
        "DELETE FROM message WHERE account_id = :account AND refs = 0 RETURNING blob_id, size, id",
        account=account_id,
    )
    if rows:
        counts = Counter(row[0] for row in rows)
        blobs.release(tx, dict(sorted(counts.items())), now)
        textindex.note(tx, account_id, [row[2] for row in rows], gone=True)
    return [(row[0], row[1]) for row in rows]
