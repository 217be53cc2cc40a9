"""Rows of messages for FETCH, SEARCH and POP3: pages by UID, only the columns asked for.

With ``member`` the flags are those that a person sees in a mailbox shared with them
(``seen``). RFC 3501 §6.4.5.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from postroom.db.database import Row, Tx
from postroom.store import blocks, sweeps
from postroom.store.spans import Span

_OF_ENTRY: Final = {"saved": "e.saved"}
_ENTRY: Final = "e.uid, e.flags, e.keywords, e.modseq, e.size, e.received, e.message_id"


def page(
    tx: Tx, mailbox_id: int, span: Span, member: int | None = None, since: int = 0
) -> list[Row]:
    """(uid, flags, keywords, modseq, size, received, message id) of the entries of a span.

    Only of those whose MODSEQ is above ``since``.
    """
    where, numbers = _above(span, since)
    return tx.all(
        f"SELECT {_ENTRY} FROM {sweeps.rows(tx, mailbox_id, member)}"
        f" WHERE e.mailbox_id = :mailbox AND {where} ORDER BY e.uid",
        mailbox=mailbox_id,
        **numbers,
    )


class FlagBlocks(msgspec.Struct, frozen=True):
    """Flags of the blocks of a span.

    ``modseq`` is that of the mailbox, 0 when it is gone. ``count``: how many entries the span
    has, None in a mailbox whose MODSEQ was known. ``modseqs`` are those of the blocks, by number;
    ``rows`` are (uid, flags, keywords) of all entries of those that have changed.
    """

    modseq: int
    count: int | None
    modseqs: dict[int, int]
    rows: list[Row]


def flag_blocks(
    tx: Tx,
    mailbox_id: int,
    span: Span,
    known: Mapping[int, int],
    complete: int,
    member: int | None = None,
) -> FlagBlocks:
    """The blocks of an unlisted span, of which the ``known`` had these MODSEQs.

    ``complete`` is the MODSEQ up to which the caller knows which entries there are.
    """
    source = f"FROM {sweeps.rows(tx, mailbox_id, member)} WHERE e.mailbox_id = :mailbox AND e.uid"
    row = tx.one("SELECT highestmodseq FROM mailbox WHERE id = :mailbox", mailbox=mailbox_id)
    modseq: int = row[0] if row else 0
    count: int | None = None
    if modseq != complete:
        counted = tx.one(
            f"SELECT count(*) {source} BETWEEN :first AND :last",
            mailbox=mailbox_id,
            first=span.first,
            last=span.last,
        )
        count = counted[0] if counted else 0
    modseqs = blocks.modseqs(tx, mailbox_id, span)
    rows: list[Row] = []
    changed = [number for number, risen in modseqs.items() if known.get(number) != risen]
    for first, last in blocks.runs(changed):
        rows += tx.all(
            f"SELECT e.uid, e.flags, e.keywords {source} BETWEEN :first AND :last ORDER BY e.uid",
            mailbox=mailbox_id,
            first=first,
            last=last,
        )
    return FlagBlocks(modseq, count, modseqs, rows)


def page_with(
    tx: Tx,
    account_id: int,
    mailbox_id: int,
    span: Span,
    columns: tuple[str, ...],
    member: int | None = None,
    since: int = 0,
) -> list[Row]:
    """The same, then blob id and ``columns`` of the messages (``prefix``, ``envelope`` ..).

    ``saved``, when the entry was made, may be one of them.
    """
    chosen = "".join(f", {_OF_ENTRY.get(column, 'm.' + column)}" for column in columns)
    where, numbers = _above(span, since)
    return tx.all(
        f"SELECT {_ENTRY}, m.blob_id{chosen} FROM {sweeps.rows(tx, mailbox_id, member)} JOIN message m"
        " ON m.account_id = e.account_id AND m.id = e.message_id"
        f" WHERE e.mailbox_id = :mailbox AND e.account_id = :account AND {where} ORDER BY e.uid",
        mailbox=mailbox_id,
        account=account_id,
        **numbers,
    )


def changed(
    tx: Tx, mailbox_id: int, since: int, limit: int, member: int | None = None
) -> list[int] | None:
    """The UIDs whose MODSEQ is above ``since``, ascending; None when there are too many."""
    rows = tx.all(
        f"SELECT e.uid {blocks.changed(sweeps.rows(tx, mailbox_id, member))} {blocks.ORDER} LIMIT :limit",
        mailbox=mailbox_id,
        since=since,
        after=0,
        limit=limit + 1,
    )
    return [row[0] for row in rows] if len(rows) <= limit else None


def highest_modseq(
    tx: Tx, mailbox_id: int, spans: Sequence[Span], member: int | None = None
) -> int:
    """The highest MODSEQ of the entries of the spans, 0 for none."""
    highest = 0
    for span in spans:
        row = tx.one(
            f"SELECT max(e.modseq) FROM {sweeps.rows(tx, mailbox_id, member)}"
            f" WHERE e.mailbox_id = :mailbox AND {span.where('e.uid')}",
            mailbox=mailbox_id,
        )
        highest = max(highest, (row[0] or 0) if row else 0)
    return highest


def in_thread(thread_id: int) -> str:
    """A condition on ``e``: its message is of this thread."""
    return (
        "EXISTS (SELECT 1 FROM message t WHERE t.account_id = e.account_id"
        f" AND t.id = e.message_id AND t.thread_id = {thread_id:d})"
    )


def matching(
    tx: Tx, mailbox_id: int, span: Span, condition: str, limit: int, member: int | None = None
) -> list[Row]:
    """A page of at most ``limit`` rows of the span that fulfil a condition on ``e``.

    Rows are as ``page`` gives them, then when the entry was made (UTC ms).
    """
    return tx.all(
        f"SELECT {_ENTRY}, e.saved FROM {sweeps.rows(tx, mailbox_id, member)}"
        f" WHERE e.mailbox_id = :mailbox AND {span.where('e.uid')}"
        f"{condition} ORDER BY e.uid LIMIT :limit",
        mailbox=mailbox_id,
        limit=limit,
    )


def message_ids(
    tx: Tx, mailbox_id: int, span: Span, condition: str, limit: int, member: int | None = None
) -> list[int]:
    """The ids, ascending, of the same messages, or of ``limit`` of them in no order."""
    rows = tx.all(
        f"SELECT e.message_id FROM {sweeps.rows(tx, mailbox_id, member)}"
        f" WHERE e.mailbox_id = :mailbox AND {span.where('e.uid')}{condition} LIMIT :limit",
        mailbox=mailbox_id,
        limit=limit,
    )
    return sorted({row[0] for row in rows})


def matching_ids(
    tx: Tx, mailbox_id: int, span: Span, condition: str, limit: int, member: int | None = None
) -> list[Row]:
    """(uid, message id) of a page of at most ``limit`` of these messages."""
    return tx.all(
        f"SELECT e.uid, e.message_id FROM {sweeps.rows(tx, mailbox_id, member)}"
        f" WHERE e.mailbox_id = :mailbox AND {span.where('e.uid')}{condition}"
        " ORDER BY e.uid LIMIT :limit",
        mailbox=mailbox_id,
        limit=limit,
    )


def matching_uids(
    tx: Tx, mailbox_id: int, span: Span, condition: str, member: int | None = None
) -> list[int]:
    """The UIDs of the span that fulfil a condition on ``e``."""
    rows = tx.all(
        f"SELECT e.uid FROM {sweeps.rows(tx, mailbox_id, member)}"
        f" WHERE e.mailbox_id = :mailbox AND {span.where('e.uid')}"
        f"{condition} ORDER BY e.uid",
        mailbox=mailbox_id,
    )
    return [row[0] for row in rows]


def _above(span: Span, since: int) -> tuple[str, dict[str, int]]:
    """A condition on ``e`` and its parameters."""
    where, numbers = span.bound("e.uid")
    if not since:
        return where, numbers
    return f"{where} AND e.modseq > :since", {**numbers, "since": since}
