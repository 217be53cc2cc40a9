"""Vanished: what was expunged, by UID and MODSEQ, for other sessions and for QRESYNC.

Of each mailbox the latest ``KEPT`` expunges are remembered, and as many as one MODSEQ has
beyond. ``mailbox.forgotten`` is the MODSEQ up to which rows may be missing: who asks from
before it compares UIDs instead (RFC 7162 §3.2.6, §5.3).

Each says which message it was, and the thread of that, which may be gone with it (RFC 8621 §4.3,
§3.2): ``message_id`` is 0 in rows from before these columns.
"""

from collections.abc import Sequence
from typing import Final

from postroom.db.database import Row, Tx, number

PAGE: Final = 2000  # rows of one answer
KEPT: Final = 20_000  # of a mailbox
CHUNK: Final = 1000  # rows removed in one transaction
MAILBOXES: Final = 100  # looked at in one statement


def note(tx: Tx, mailbox_id: int, condition: str, modseq: int, *, stay: bool) -> None:
    """The entries that fulfil a condition are about to go, with this MODSEQ.

    Where their messages ``stay``, for they are moved or can be had back, these tell the thread.
    """
    rows = f"SELECT * FROM entry WHERE mailbox_id = :mailbox AND {condition}"
    thread, messages = "0", ""
    if not stay:
        thread = "coalesce(m.thread_id, 0)"
        messages = " LEFT JOIN message m ON m.account_id = e.account_id AND m.id = e.message_id"
    tx.execute(
        "INSERT INTO vanished (mailbox_id, uid, modseq, message_id, thread_id)"
        f" SELECT e.mailbox_id, e.uid, :modseq, e.message_id, {thread} FROM ({rows}) AS e{messages}",
        mailbox=mailbox_id,
        modseq=modseq,
    )


def since(tx: Tx, mailbox_id: int, modseq: int, after: int = 0) -> tuple[list[Row], bool] | None:
    """What ``page`` answers; None when rows of that time may be missing."""
    row = tx.one("SELECT forgotten FROM mailbox WHERE id = :mailbox", mailbox=mailbox_id)
    if row is None:
        return [], False
    return None if row[0] > modseq else page(tx, mailbox_id, modseq, after)


def page(tx: Tx, mailbox_id: int, since: int, after: int = 0) -> tuple[list[Row], bool]:
    """(uid, modseq) above UID ``after`` expunged after MODSEQ ``since``; True: there is more.

    By UID. Few rows are found by their MODSEQ, many by a walk over the UIDs, so that all
    pages together cost no more than one walk.
    """
    if not after:
        rows = tx.all(
            "SELECT uid, modseq FROM vanished WHERE mailbox_id = :mailbox AND modseq > :since"
            " LIMIT :limit",
            mailbox=mailbox_id,
            since=since,
            limit=PAGE + 1,
        )
        if len(rows) <= PAGE:
            return sorted(rows), False
    rows = tx.all(
        "SELECT uid, modseq FROM vanished WHERE mailbox_id = :mailbox AND uid > :after"
        " AND +modseq > :since ORDER BY uid LIMIT :limit",
        mailbox=mailbox_id,
        after=after,
        since=since,
        limit=PAGE,
    )
    return rows, len(rows) == PAGE


def messages(tx: Tx, mailbox_id: int, since: int, upto: int, limit: int) -> list[Row] | None:
    """(uid, message id, thread id) of what was expunged between two MODSEQs, ``limit`` of it.

    None when rows of that time may be missing, or do not tell the message.
    """
    row = tx.one("SELECT forgotten FROM mailbox WHERE id = :mailbox", mailbox=mailbox_id)
    if row is None or row[0] > since:
        return None
    rows = tx.all(
        "SELECT uid, message_id, thread_id FROM vanished WHERE mailbox_id = :mailbox"
        " AND modseq > :since AND modseq <= :upto LIMIT :limit",
        mailbox=mailbox_id,
        since=since,
        upto=upto,
        limit=limit,
    )
    return rows if all(row[1] for row in rows) else None


def first_after(tx: Tx, mailbox_id: int, since: int) -> int:
    """The MODSEQ of the first expunge after ``since``; 0 when there was none."""
    return number(
        tx,
        "SELECT min(modseq) FROM vanished WHERE mailbox_id = :mailbox AND modseq > :since",
        mailbox=mailbox_id,
        since=since,
    )


def missing(tx: Tx, mailbox_id: int, uids: Sequence[int]) -> list[int]:
    """Those of these ascending UIDs that the mailbox does not have (any more)."""
    lost: list[int] = []
    for start in range(0, len(uids), PAGE):
        some = uids[start : start + PAGE]
        rows = tx.all(
            "SELECT uid FROM entry WHERE mailbox_id = :mailbox AND uid BETWEEN :first AND :last",
            mailbox=mailbox_id,
            first=some[0],
            last=some[-1],
        )
        there = {row[0] for row in rows}
        lost += [uid for uid in some if uid not in there]
    return lost


def overfull(tx: Tx, after: int) -> tuple[list[tuple[int, int]], int]:
    """(mailbox, MODSEQ to forget up to), and the mailbox to go on after (0: that was all).

    A mailbox that has not given out so many UIDs beyond those it holds is passed over in one look
    at its row: that is nearly every one.
    """
    rows = tx.all(
        "SELECT m.id, (SELECT v.modseq FROM vanished v WHERE v.mailbox_id = m.id"
        " ORDER BY v.modseq DESC LIMIT 1 OFFSET :kept)"
        " FROM mailbox m WHERE m.id > :after AND m.uidnext - m.messages > :kept"
        " ORDER BY m.id LIMIT :limit",
        kept=KEPT,
        after=after,
        limit=MAILBOXES,
    )
    found = [(row[0], row[1]) for row in rows if row[1] is not None]
    return found, rows[-1][0] if len(rows) == MAILBOXES else 0


def forget(tx: Tx, mailbox_id: int, modseq: int) -> bool:
    """Remove a chunk of the rows up to this MODSEQ; True when nothing is left to remove."""
    tx.execute(
        "UPDATE mailbox SET forgotten = :modseq WHERE id = :mailbox AND forgotten < :modseq",
        modseq=modseq,
        mailbox=mailbox_id,
    )
    gone = tx.execute(
        "DELETE FROM vanished WHERE mailbox_id = :mailbox AND uid IN (SELECT uid FROM vanished"
        " WHERE mailbox_id = :mailbox AND modseq <= :modseq ORDER BY modseq LIMIT :chunk)",
        mailbox=mailbox_id,
        modseq=modseq,
        chunk=CHUNK,
    )
    return gone < CHUNK
