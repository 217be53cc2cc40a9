"""Blocks: where in a mailbox something has changed, for 512 UIDs at once.

A block's row holds the highest MODSEQ of its entries, as their owner or any member sees them
(``sweeps``, ``seen``); it may be that of an entry that is gone. So what has changed after a MODSEQ is found by a walk
over few rows and the entries of the blocks that they name, and a change of all flags writes a
row for 512 entries, where an index on MODSEQ would move an entry for each.

RFC 7162 §3.1.
"""

from collections.abc import Iterable
from typing import Final

from postroom.db.database import Tx
from postroom.store.spans import Span

SIZE: Final = 512  # UIDs of a block; the migration that made the table says so too

ORDER: Final = "ORDER BY k.block, e.uid"

_RISEN: Final = (
    "INSERT INTO entry_block (mailbox_id, block, modseq) VALUES (?, ?, ?)"
    " ON CONFLICT (mailbox_id, block) DO UPDATE SET modseq = excluded.modseq"
)


_AT_LEAST: Final = (
    "ON CONFLICT (mailbox_id, block) DO UPDATE SET modseq = excluded.modseq"
    " WHERE entry_block.modseq < excluded.modseq"
)


def changed(rows: str) -> str:
    """FROM and WHERE: those of ``rows``, named ``e``, that have changed after ``:since``.

    They are of ``:mailbox`` and above UID ``:after``; ``ORDER`` sorts them by UID.
    """
    return (  # the sign keeps SQLite from looking from ``:after`` on in every block
        f"FROM entry_block k CROSS JOIN {rows} WHERE k.mailbox_id = :mailbox"
        f" AND k.block >= :after / {SIZE} AND k.modseq > :since"
        f" AND e.mailbox_id = :mailbox AND {_within('e.uid')}"
        " AND +e.uid > :after AND e.modseq > :since"
    )


def modseqs(tx: Tx, mailbox_id: int, span: Span) -> dict[int, int]:
    """The MODSEQs of the blocks of an unlisted span, by number, ascending."""
    rows = tx.all(
        "SELECT block, modseq FROM entry_block WHERE mailbox_id = :mailbox"
        " AND block BETWEEN :first AND :last ORDER BY block",
        mailbox=mailbox_id,
        first=span.first // SIZE,
        last=span.last // SIZE,
    )
    return dict(rows)


def runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """The first and the last UID of blocks, neighbours together; their numbers ascend."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        first = number * SIZE
        if found and found[-1][1] + 1 == first:
            found[-1] = found[-1][0], first + SIZE - 1
        else:
            found.append((first, first + SIZE - 1))
    return found


def arrived(tx: Tx, mailbox_id: int, first: int, messages: int, modseq: int) -> None:
    """New entries have this MODSEQ: so many from UID ``first`` on."""
    blocks = range(first // SIZE, (first + messages - 1) // SIZE + 1)
    tx.many(_RISEN, [(mailbox_id, block, modseq) for block in blocks])


def risen(tx: Tx, mailbox_id: int, span: Span, modseq: int, member: int | None = None) -> None:
    r"""Some entries of the span have got this MODSEQ, or their \Seen of a member has."""
    rows = "entry e WHERE" if member is None else f"seen e WHERE e.member_id = {member:d} AND"
    tx.execute(
        f"UPDATE entry_block AS k SET modseq = :modseq WHERE mailbox_id = :mailbox AND {of(span)}"
        f" AND EXISTS (SELECT 1 FROM {rows} e.mailbox_id = :mailbox AND {_within('e.uid')}"
        " AND e.modseq = :modseq)",
        mailbox=mailbox_id,
        modseq=modseq,
    )


def forget(tx: Tx, mailbox_id: int, first: int, last: int) -> None:
    """Entries between these UIDs are gone: drop the blocks that have none left."""
    tx.execute(
        f"DELETE FROM entry_block AS k WHERE mailbox_id = :mailbox AND {of(Span(first, last))}"
        f" AND NOT EXISTS (SELECT 1 FROM entry e WHERE e.mailbox_id = :mailbox"
        f" AND {_within('e.uid')})",
        mailbox=mailbox_id,
    )


def recount(tx: Tx, mailbox_id: int) -> None:
    """Make the rows of a mailbox anew from its entries; they only rise."""
    for rows in ("entry", "seen"):
        tx.execute(
            "INSERT INTO entry_block (mailbox_id, block, modseq)"
            f" SELECT mailbox_id, uid / {SIZE}, max(modseq) FROM {rows}"
            f" WHERE mailbox_id = :mailbox GROUP BY mailbox_id, uid / {SIZE} {_AT_LEAST}",
            mailbox=mailbox_id,
        )
    tx.execute(
        "INSERT INTO entry_block (mailbox_id, block, modseq) SELECT mailbox_id, block, modseq"
        f" FROM entry_sweep WHERE mailbox_id = :mailbox {_AT_LEAST}",
        mailbox=mailbox_id,
    )


def wrong(tx: Tx, after: int, last: int) -> set[int]:
    """The mailboxes with ids above ``after`` up to ``last`` of which a change is not named."""
    found: set[int] = set()
    for rows, block in (
        ("entry", f"e.uid / {SIZE}"),
        ("seen", f"e.uid / {SIZE}"),
        ("entry_sweep", "e.block"),
    ):
        wrong = tx.all(
            f"SELECT DISTINCT e.mailbox_id FROM {rows} e LEFT JOIN entry_block k"
            f" ON k.mailbox_id = e.mailbox_id AND k.block = {block}"
            " WHERE e.mailbox_id > :after AND e.mailbox_id <= :last"
            " AND (k.modseq IS NULL OR k.modseq < e.modseq)",
            after=after,
            last=last,
        )
        found.update([row[0] for row in wrong])
    return found


def _within(column: str) -> str:
    """This UID is of the block of ``k``."""
    return f"{column} BETWEEN k.block * {SIZE} AND k.block * {SIZE} + {SIZE - 1}"


def of(span: Span) -> str:
    """The blocks of the UIDs of a span."""
    if span.listed is None:
        return f"block BETWEEN {span.first // SIZE:d} AND {span.last // SIZE:d}"
    return f"block IN ({','.join(sorted({str(uid // SIZE) for uid in span.listed}))})"
