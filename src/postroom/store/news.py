"""News: what happened to a mailbox since a session was told last.

``look`` reads one state of the mailbox and answers at most a page of expunges or of
changes, with the marks to come back with; a session that comes back until nothing is left
has missed nothing, whatever happens meanwhile. RFC 7162 §3.1, RFC 3501 §7.3, §7.4.1.
"""

from typing import Final

import msgspec

from postroom.db.database import Row, Tx
from postroom.store import blocks, mailboxes, sweeps, vanished

PAGE: Final = 2000  # changed messages of one answer


class Pass(msgspec.Struct, frozen=True):
    """A way through many rows: told up to this UID, complete up to ``top`` at its end."""

    uid: int
    top: int


class Marks(msgspec.Struct, frozen=True):
    """Up to which MODSEQ a session was told: of what came or changed, of what was expunged.

    ``withheld`` is the MODSEQ of the first expunge that it must not hear of yet, or 0.
    """

    seen: int
    gone: int
    withheld: int = 0
    changing: Pass | None = None
    expunging: Pass | None = None

    @property
    def complete(self) -> int:
        """The MODSEQ up to which nothing at all is left to tell."""
        return min(self.seen, self.withheld - 1 if self.withheld else self.gone)


class News(msgspec.Struct, frozen=True):
    """What a session is told next; ``has_more``: there is more at once.

    ``changed`` are (uid, flags, keywords, modseq), ``vanished`` (uid, modseq), by UID.
    ``is_gone``: the mailbox was deleted. ``is_lost``: what was expunged is not known any
    more, compare the UIDs (``vanished.missing``).
    """

    marks: Marks
    uidnext: int = 0
    recent_uid: int = 0
    changed: list[Row] = []
    vanished: list[Row] = []
    has_more: bool = False
    is_gone: bool = False
    is_lost: bool = False


def look(
    tx: Tx,
    account_id: int,
    mailbox_id: int,
    marks: Marks,
    *,
    expunges: bool,
    member: int | None = None,
) -> News:
    """What is new; with ``expunges`` False they are only noted as withheld."""
    row = tx.one(
        "SELECT name, highestmodseq, uidnext, recent_uid, forgotten FROM mailbox"
        " WHERE id = :mailbox AND account_id = :account",
        mailbox=mailbox_id,
        account=account_id,
    )
    if row is None or mailboxes.is_buried(row[0]):
        return News(marks, is_gone=True)
    _, top, uidnext, recent_uid, forgotten = row
    rows: list[Row] = []
    more = False
    if top > marks.gone:
        is_lost = forgotten > marks.gone
        if not expunges:
            marks = _withhold(tx, mailbox_id, marks, top, is_lost=is_lost)
        elif is_lost:
            told = msgspec.structs.replace(marks, gone=top, withheld=0, expunging=None)
            return News(told, uidnext, recent_uid, has_more=True, is_lost=True)
        else:
            begun = marks.expunging or Pass(0, top)
            rows, more = vanished.page(tx, mailbox_id, marks.gone, begun.uid)
            marks = _after_expunges(marks, begun, rows, more=more)
    changed: list[Row] = []
    if top > marks.seen and not more:
        begun = marks.changing or Pass(0, top)
        changed, more = _changed(tx, mailbox_id, marks.seen, begun.uid, member)
        marks = _after_changes(marks, begun, changed, more=more)
    has_more = marks.seen < top or (expunges and marks.gone < top)
    return News(marks, uidnext, recent_uid, changed, rows, has_more)


def _changed(
    tx: Tx, mailbox_id: int, since: int, after: int, member: int | None
) -> tuple[list[Row], bool]:
    """What was made or changed, a page by UID; True: there may be more."""
    rows = tx.all(
        "SELECT e.uid, e.flags, e.keywords, e.modseq"
        f" {blocks.changed(sweeps.rows(tx, mailbox_id, member))} {blocks.ORDER} LIMIT :limit",
        mailbox=mailbox_id,
        after=after,
        since=since,
        limit=PAGE,
    )
    return rows, len(rows) == PAGE


def _withhold(tx: Tx, mailbox_id: int, marks: Marks, top: int, *, is_lost: bool) -> Marks:
    if marks.withheld:
        return marks
    first = marks.gone + 1 if is_lost else vanished.first_after(tx, mailbox_id, marks.gone)
    if first:
        return msgspec.structs.replace(marks, withheld=first)
    return msgspec.structs.replace(marks, gone=top)


def _after_expunges(marks: Marks, begun: Pass, rows: list[Row], *, more: bool) -> Marks:
    if more:
        return msgspec.structs.replace(marks, expunging=Pass(rows[-1][0], begun.top))
    return msgspec.structs.replace(marks, gone=begun.top, withheld=0, expunging=None)


def _after_changes(marks: Marks, begun: Pass, rows: list[Row], *, more: bool) -> Marks:
    if more:
        return msgspec.structs.replace(marks, changing=Pass(rows[-1][0], begun.top))
    return msgspec.structs.replace(marks, seen=begun.top, changing=None)
