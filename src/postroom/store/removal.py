r"""Removal: entries leave a mailbox, messages without entries leave the account.

``expunge`` records what vanished for other sessions and gives back the quota; a message
whose last entry goes is deleted in the same transaction and releases its blob, whose
octets stay for a while (``blobs.collect``). Long removals come in chunks of at most
``CHUNK`` entries, one transaction each, in the lower lane.

RFC 3501 §6.4.3 (EXPUNGE), RFC 4315 §2.1 (UID EXPUNGE), RFC 7162 §3.2.7 (VANISHED).
"""

from collections import Counter
from typing import Final

from postroom.blobs.store import BlobStore
from postroom.db.database import Tx
from postroom.store import entries, seen, textindex, usage
from postroom.store.spans import Span

CHUNK: Final = 1000

_DELETED: Final = " AND (flags & 8) <> 0"


def next_chunk(tx: Tx, mailbox_id: int, span: Span, *, flagged: bool) -> Span | None:
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
    return Span(row[1], row[2], span.listed)


def expunge(
    tx: Tx,
    blobs: BlobStore,
    account_id: int,
    mailbox_id: int,
    span: Span,
    *,
    flagged: bool,
    now: int,
) -> int:
    r"""Remove the entries of a span (only \Deleted if ``flagged``); how many went.

    The caller bounds the span: see ``next_chunk``.
    """
    usage.lock(tx, account_id, now)
    modseq = entries.next_modseq(tx, account_id, mailbox_id)
    condition = span.where() + (_DELETED if flagged else "")
    drop_references(tx, account_id, mailbox_id, condition)
    removed = remove_entries(tx, account_id, mailbox_id, condition, modseq)
    release_spent(tx, blobs, account_id, now)
    return removed


def empty(tx: Tx, blobs: BlobStore, account_id: int, mailbox_id: int, now: int) -> bool:
    """Take one chunk out of a buried mailbox, at last the mailbox; True when it is gone."""
    usage.lock(tx, account_id, now)
    chunk = next_chunk(tx, mailbox_id, Span(1, 0xFFFFFFFF), flagged=False)
    if chunk is not None:
        drop_references(tx, account_id, mailbox_id, chunk.where())
        remove_entries(tx, account_id, mailbox_id, chunk.where(), None)
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
    tx.execute(
        "UPDATE message SET refs = refs - going.n FROM (SELECT message_id, count(*) AS n"
        f" FROM entry WHERE mailbox_id = :mailbox AND {condition} GROUP BY message_id) AS going"
        " WHERE message.account_id = :account AND message.id = going.message_id",
        mailbox=mailbox_id,
        account=account_id,
    )


def remove_entries(
    tx: Tx, account_id: int, mailbox_id: int, condition: str, modseq: int | None
) -> int:
    """Delete entries and count them off mailbox and account; ``modseq`` None: no trace."""
    row = tx.one(
        "SELECT count(*), coalesce(sum(size), 0) FROM entry"
        f" WHERE mailbox_id = :mailbox AND {condition}",
        mailbox=mailbox_id,
    )
    messages, octets = (int(row[0]), int(row[1])) if row else (0, 0)
    if not messages:
        return 0
    if modseq is not None:
        tx.execute(
            "INSERT INTO vanished (mailbox_id, uid, modseq) SELECT mailbox_id, uid, :modseq"
            f" FROM entry WHERE mailbox_id = :mailbox AND {condition}",
            mailbox=mailbox_id,
            modseq=modseq,
        )
    seen.forget(tx, mailbox_id, condition)
    tx.execute(f"DELETE FROM entry WHERE mailbox_id = :mailbox AND {condition}", mailbox=mailbox_id)
    tx.execute(
        "UPDATE mailbox SET messages = messages - :messages, octets = octets - :octets"
        " WHERE id = :mailbox",
        messages=messages,
        octets=octets,
        mailbox=mailbox_id,
    )
    usage.charge(tx, account_id, -octets, -messages, 0)
    return messages


def release_spent(tx: Tx, blobs: BlobStore, account_id: int, now: int) -> None:
    """Delete the account's messages that no entry names any more, release their blobs."""
    rows = tx.all(
        "DELETE FROM message WHERE account_id = :account AND refs = 0 RETURNING blob_id, id",
        account=account_id,
    )
    if rows:
        counts = Counter(row[0] for row in rows)
        blobs.release(tx, dict(sorted(counts.items())), now)
        textindex.note(tx, account_id, [row[1] for row in rows], gone=True)
