r"""Sweeps: changes of flags that all entries of a block have got at once.

A STORE over a whole mailbox would write every row of it. For a block that lies in it as a whole
one row is written instead, and those of its entries still hold what they held before. So who
reads flags or MODSEQs names ``rows``, which looks through sweeps; and before single entries of a
block are changed, ``settle`` writes into its rows what they have.

Swept are flags that no index is about: \Answered, \Flagged and \Draft. \Seen and \Deleted, which
are counted and looked for all the time, always stand in the rows.

A sweep is about the entries whose MODSEQ is below ``since``; those that came later, or were
changed alone, speak for themselves. When the same flags are swept again, the other way round,
every entry has changed; before that only those whose own bits are different.

RFC 3501 §6.4.6, RFC 7162 §3.1.
"""

from itertools import groupby
from typing import Final

from postroom.db.database import Tx
from postroom.store import blocks, flags as flag_words, seen
from postroom.store.blocks import SIZE
from postroom.store.spans import Span

FEWEST: Final = 2  # blocks that a sweep is worth while for
SETTLED: Final = 16  # blocks of one transaction
SWEPT: Final = flag_words.ANSWERED | flag_words.FLAGGED | flag_words.DRAFT

_ROWS: Final = (
    "(SELECT i.account_id, i.mailbox_id, i.uid, i.message_id,"
    " CASE WHEN i.modseq < w.since AND (w.whole = 1 OR (i.flags & w.mask) <> w.bits)"
    " THEN w.modseq ELSE i.modseq END AS modseq,"
    " CASE WHEN i.modseq < w.since"
    f" THEN (i.flags & ({flag_words.ALL} - w.mask)) | w.bits ELSE i.flags END AS flags,"
    " i.keywords, i.size, i.received, i.saved FROM entry i LEFT JOIN entry_sweep w"
    f" ON w.mailbox_id = i.mailbox_id AND w.block = i.uid / {SIZE})"
)
_ENTRIES: Final = (  # of the block of ``b``
    "SELECT 1 FROM entry e WHERE e.mailbox_id = b.mailbox_id"
    f" AND e.uid BETWEEN b.block * {SIZE} AND b.block * {SIZE} + {SIZE - 1}"
)
_RANGE: Final = "b.mailbox_id = :mailbox AND b.block BETWEEN :low AND :high"


def rows(tx: Tx, mailbox_id: int, member: int | None) -> str:
    """The entries of a mailbox, named ``e``, as ``seen.rows`` has them, with all their flags."""
    swept = tx.one("SELECT 1 FROM entry_sweep WHERE mailbox_id = :id LIMIT 1", id=mailbox_id)
    return seen.rows(member, _ROWS if swept else "entry")


def can(kept: int, bits: int) -> bool:
    """Whether whole blocks are changed at once when their flags become so."""
    mask = flag_words.ALL & ~kept | bits
    return bool(mask) and not mask & ~SWEPT


def sweep(
    tx: Tx, mailbox_id: int, span: Span, modseq: int, *, kept: int, bits: int
) -> tuple[int, list[Span]]:
    """Let flags of the whole blocks of a span be ``(flags & kept) | bits``, with a new MODSEQ.

    How many blocks have become different, and what is left to be changed entry by entry.
    """
    mask = flag_words.ALL & ~kept | bits
    whole = _whole(tx, mailbox_id, span) if can(kept, bits) else range(0)
    if len(whole) < FEWEST:
        return 0, [span]
    first, last = whole[0] * SIZE, whole[-1] * SIZE + SIZE - 1
    settle(tx, mailbox_id, Span(first, last), but=mask)
    places = {"mailbox": mailbox_id, "low": whole[0], "high": whole[-1]}
    count = _change_others(tx, mailbox_id, whole, kept, bits, modseq)
    count += tx.execute(
        "UPDATE entry_sweep AS b SET modseq = :modseq, bits = :bits, whole = 1"
        f" WHERE {_RANGE} AND b.bits <> :bits AND EXISTS ({_ENTRIES} AND e.modseq < b.since)",
        modseq=modseq,
        bits=bits,
        **places,
    )
    count += tx.execute(
        "INSERT INTO entry_sweep (mailbox_id, block, since, modseq, mask, bits, whole)"
        " SELECT b.mailbox_id, b.block, :modseq, :modseq, :mask, :bits, 0 FROM entry_block b"
        f" WHERE {_RANGE} AND NOT EXISTS (SELECT 1 FROM entry_sweep w"
        " WHERE w.mailbox_id = b.mailbox_id AND w.block = b.block)"
        f" AND EXISTS ({_ENTRIES} AND (e.flags & :mask) <> :bits)",
        modseq=modseq,
        mask=mask,
        bits=bits,
        **places,
    )
    tx.execute(
        f"UPDATE entry_block AS b SET modseq = :modseq WHERE {_RANGE} AND EXISTS"
        " (SELECT 1 FROM entry_sweep w WHERE w.mailbox_id = b.mailbox_id AND w.block = b.block"
        " AND w.modseq = :modseq)",
        modseq=modseq,
        **places,
    )
    edges = (Span(span.first, first - 1), Span(last + 1, span.last))
    return count, [edge for edge in edges if edge.first <= edge.last]


def settle(tx: Tx, mailbox_id: int, span: Span, *, but: int = 0) -> None:
    """Write what was swept into the rows of the blocks of a span, but for sweeps of this mask.

    Nobody sees a difference. The mailbox must be locked.
    """
    condition = f"mailbox_id = :mailbox AND mask <> :but AND {blocks.of(span)}"
    found = tx.all(
        "SELECT block, since, modseq, mask, bits, whole FROM entry_sweep"
        f" WHERE {condition} ORDER BY block",
        mailbox=mailbox_id,
        but=but,
    )
    if not found:
        return
    for (since, modseq, mask, bits, whole), swept in groupby(found, lambda row: row[1:]):
        for first, last in blocks.runs([row[0] for row in swept]):
            tx.execute(
                "UPDATE entry SET flags = (flags & :kept) | :bits, modseq = :modseq"
                " WHERE mailbox_id = :mailbox AND uid BETWEEN :first AND :last"
                " AND modseq < :since AND (:whole = 1 OR (flags & :mask) <> :bits)",
                mailbox=mailbox_id,
                first=first,
                last=last,
                since=since,
                modseq=modseq,
                mask=mask,
                kept=flag_words.ALL & ~mask,
                bits=bits,
                whole=whole,
            )
    tx.execute(f"DELETE FROM entry_sweep WHERE {condition}", mailbox=mailbox_id, but=but)


def next_swept(tx: Tx) -> tuple[int, int] | None:
    """A mailbox, and the first of its blocks that has a sweep."""
    row = tx.one("SELECT mailbox_id, block FROM entry_sweep ORDER BY mailbox_id, block LIMIT 1")
    return (row[0], row[1]) if row else None


def settle_some(tx: Tx) -> None:
    """Settle a few blocks of a mailbox, if there are any."""
    found = next_swept(tx)
    if found is None:
        return
    mailbox_id, block = found
    tx.execute(
        "UPDATE mailbox SET highestmodseq = highestmodseq WHERE id = :mailbox", mailbox=mailbox_id
    )
    settle(tx, mailbox_id, Span(block * SIZE, (block + SETTLED) * SIZE - 1))


def forget(tx: Tx, mailbox_id: int, first: int, last: int) -> None:
    """Entries between these UIDs are gone, and blocks that have none left."""
    tx.execute(
        f"DELETE FROM entry_sweep AS w WHERE mailbox_id = :mailbox AND {blocks.of(Span(first, last))}"
        " AND NOT EXISTS (SELECT 1 FROM entry_block k WHERE k.mailbox_id = :mailbox"
        " AND k.block = w.block)",
        mailbox=mailbox_id,
    )


def _whole(tx: Tx, mailbox_id: int, span: Span) -> range:
    """The blocks all of whose entries are in a span."""
    if span.listed is not None:
        return range(0)
    first, last = span.first // SIZE, span.last // SIZE
    first += _has_any(tx, mailbox_id, first * SIZE, span.first - 1)
    last -= _has_any(tx, mailbox_id, span.last + 1, last * SIZE + SIZE - 1)
    return range(first, last + 1)


def _has_any(tx: Tx, mailbox_id: int, first: int, last: int) -> bool:
    found = tx.one(
        "SELECT 1 FROM entry WHERE mailbox_id = :mailbox AND uid BETWEEN :first AND :last LIMIT 1",
        mailbox=mailbox_id,
        first=first,
        last=last,
    )
    return found is not None


def _change_others(tx: Tx, mailbox_id: int, whole: range, kept: int, bits: int, modseq: int) -> int:
    """Change the entries of swept blocks that the sweeps are not about; how many."""
    swept = tx.all(
        "SELECT b.block FROM entry_sweep b JOIN entry_block k ON k.mailbox_id = b.mailbox_id"
        f" AND k.block = b.block WHERE {_RANGE} AND k.modseq > b.modseq ORDER BY b.block",
        mailbox=mailbox_id,
        low=whole[0],
        high=whole[-1],
    )
    count = 0
    for first, last in blocks.runs([row[0] for row in swept]):
        changed = tx.execute(
            "UPDATE entry SET flags = (flags & :kept) | :bits, modseq = :modseq"
            " WHERE mailbox_id = :mailbox AND uid BETWEEN :first AND :last"
            " AND flags <> ((flags & :kept) | :bits) AND modseq >= (SELECT w.since"
            " FROM entry_sweep w WHERE w.mailbox_id = entry.mailbox_id"
            f" AND w.block = entry.uid / {SIZE})",
            mailbox=mailbox_id,
            first=first,
            last=last,
            kept=kept,
            bits=bits,
            modseq=modseq,
        )
        if changed:
            blocks.risen(tx, mailbox_id, Span(first, last), modseq)
        count += changed
    return count
