"""Entries: the messages of a mailbox as a session sees them, and their flags.

Every change of a mailbox first raises ``highestmodseq`` of its row, which locks it: so
changes commit in the order of their MODSEQ, and a session that has seen everything up to
one MODSEQ learns all that happened since from the rows above it. Each reading below is
one statement (one snapshot on either engine), so no change is ever missed between two.

RFC 7162 §3.1 (MODSEQ), RFC 3501 §2.3.1, §2.3.2.
"""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from postroom.db.database import Row, Tx
from postroom.errors import NotFound
from postroom.store import flags as flag_words, mailboxes, seen as seen_rows
from postroom.store.spans import Span

Action = Literal["add", "remove", "replace"]

MAX_KEYWORD_TEXTS: Final = 1000  # different combinations that a session looks at


class State(msgspec.Struct, frozen=True):
    """A mailbox's row and the outline of its UIDs, of one moment."""

    name: str
    uidvalidity: int
    uidnext: int
    highestmodseq: int
    messages: int
    recent_uid: int
    first_uid: int
    last_uid: int
    first_unseen: int


class Opening(msgspec.Struct, frozen=True):
    """What a session needs to begin; ``uids`` None: every number from first to last."""

    state: State
    uids: list[int] | None
    keywords: list[str]


class News(msgspec.Struct, frozen=True):
    """What happened since a session looked; ``is_gone``: the mailbox was deleted.

    ``changed`` are (uid, flags, keywords, modseq), ``vanished`` (uid, modseq), by UID.
    """

    is_gone: bool
    highestmodseq: int
    uidnext: int
    recent_uid: int
    changed: list[Row]
    vanished: list[Row]


class FlagChange(msgspec.Struct, frozen=True):
    """A STORE command. ``keywords`` are those to add, to remove, or the new ones.

    Flags outside ``mask``, and without ``names`` all keywords, stay as they are.
    """

    action: Action
    bits: int
    keywords: frozenset[str] = frozenset()
    mask: int = flag_words.ALL
    names: bool = True

    def touches(self, bits: int) -> bool:
        """Whether it may change any of these flags."""
        return bool(bits & self.mask & (bits if self.action == "replace" else self.bits))

    @property
    def is_of_all(self) -> bool:
        r"""Whether more than \Seen may be changed, which may be one member's own."""
        return self.touches(flag_words.ALL & ~flag_words.SEEN) or self.touches_keywords

    @property
    def touches_keywords(self) -> bool:
        """Whether it may change keywords."""
        return self.names and (self.action == "replace" or bool(self.keywords))

    def values(self) -> dict[str, object]:
        """The bits that stay and those that are set."""
        bits = self.bits & self.mask
        if self.action == "add":
            return {"kept": flag_words.ALL, "bits": bits}
        gone = bits if self.action == "remove" else self.mask
        return {
            "kept": flag_words.ALL & ~gone,
            "bits": 0 if self.action == "remove" else bits,
        }


class Quiet(msgspec.Struct, frozen=True):
    """STORE .SILENT: what the session has seen, so that it learns of others' changes only.

    ``since`` is the MODSEQ up to which it knows everything, ``own`` those it made later.
    """

    since: int
    own: frozenset[int] = frozenset()


class Updated(msgspec.Struct, frozen=True):
    """What a STORE has done; rows are (uid, flags, keywords, modseq), by UID.

    All entries of the spans, or with ``Quiet`` those that others changed unseen.
    """

    modseq: int
    rows: list[Row]


def opening(tx: Tx, account_id: int, mailbox_id: int, member: int | None = None) -> Opening:
    """What a session needs to begin; raises NotFound.

    The row is read first: what happens between the statements is seen again as news.
    """
    entries = seen_rows.rows(member)
    row = tx.one(
        "SELECT name, uidvalidity, uidnext, highestmodseq, messages, recent_uid,"
        " coalesce((SELECT min(uid) FROM entry WHERE mailbox_id = :mailbox), 0),"
        " coalesce((SELECT max(uid) FROM entry WHERE mailbox_id = :mailbox), 0),"
        f" coalesce((SELECT e.uid FROM {entries} WHERE e.mailbox_id = :mailbox"
        " AND (e.flags & 1) = 0 ORDER BY e.uid LIMIT 1), 0)"
        " FROM mailbox WHERE id = :mailbox AND account_id = :account",
        mailbox=mailbox_id,
        account=account_id,
    )
    if row is None:
        raise NotFound("the mailbox has just been deleted")
    state = State(*row)
    uids: list[int] | None = None
    if state.messages != state.last_uid - state.first_uid + 1:
        rows = tx.all(
            "SELECT uid FROM entry WHERE mailbox_id = :mailbox ORDER BY uid", mailbox=mailbox_id
        )
        uids = [row[0] for row in rows]
    return Opening(state, uids, _keyword_texts(tx, mailbox_id))


def news(
    tx: Tx,
    account_id: int,
    mailbox_id: int,
    seen: int,
    gone: int | None,
    member: int | None = None,
) -> News:
    """What was made or changed after MODSEQ ``seen`` and expunged after ``gone`` (None: skip)."""
    row = tx.one(
        "SELECT name, highestmodseq, uidnext, recent_uid FROM mailbox"
        " WHERE id = :mailbox AND account_id = :account",
        mailbox=mailbox_id,
        account=account_id,
    )
    if row is None or mailboxes.is_buried(row[0]):
        return News(True, 0, 0, 0, [], [])
    changed = vanished = []
    if row[1] > seen:
        changed = tx.all(
            f"SELECT e.uid, e.flags, e.keywords, e.modseq FROM {seen_rows.rows(member)}"
            f" WHERE e.mailbox_id = :mailbox AND {seen_rows.changed(member)} ORDER BY e.uid",
            mailbox=mailbox_id,
            since=seen,
        )
    if gone is not None and row[1] > gone:
        vanished = tx.all(
            "SELECT uid, modseq FROM vanished WHERE mailbox_id = :mailbox AND modseq > :since"
            " ORDER BY uid",
            mailbox=mailbox_id,
            since=gone,
        )
    return News(False, row[1], row[2], row[3], changed, vanished)


def claim_recent(tx: Tx, account_id: int, mailbox_id: int, last_uid: int) -> int:
    r"""Take the messages up to ``last_uid`` as \Recent; the UID above which they are ours.

    RFC 3501 §2.3.2: each message is \Recent in one session only.
    """
    row = tx.one(
        "UPDATE mailbox SET recent_uid = recent_uid WHERE id = :mailbox"
        " AND account_id = :account RETURNING recent_uid",
        mailbox=mailbox_id,
        account=account_id,
    )
    if row is None:
        return last_uid
    if row[0] < last_uid:
        tx.execute(
            "UPDATE mailbox SET recent_uid = :last WHERE id = :mailbox",
            last=last_uid,
            mailbox=mailbox_id,
        )
    return int(row[0])


def next_modseq(tx: Tx, account_id: int, mailbox_id: int) -> int:
    """Lock the mailbox for a change; its new MODSEQ. Raises NotFound when it is gone."""
    row = tx.one(
        "UPDATE mailbox SET highestmodseq = highestmodseq + 1 WHERE id = :mailbox"
        " AND account_id = :account RETURNING highestmodseq",
        mailbox=mailbox_id,
        account=account_id,
    )
    if row is None:
        raise NotFound("the mailbox has just been deleted")
    return int(row[0])


def update_flags(
    tx: Tx,
    account_id: int,
    mailbox_id: int,
    spans: Sequence[Span],
    change: FlagChange,
    quiet: Quiet | None,
    member: int | None = None,
) -> Updated:
    r"""Change flags server-side under one MODSEQ; rows that stay the same keep theirs.

    The \Seen of a ``member`` is the member's own.
    """
    modseq = next_modseq(tx, account_id, mailbox_id)
    shared = change
    if member is not None:
        shared = msgspec.structs.replace(change, mask=change.mask & ~flag_words.SEEN)
    rows: list[Row] = []
    for span in spans:
        unseen = _unseen(tx, mailbox_id, span, quiet, member) if quiet else set()
        if shared.touches(flag_words.ALL) or shared.touches_keywords:
            for condition, parameters in _keyword_cases(tx, mailbox_id, span, shared):
                _update(tx, mailbox_id, span, shared, modseq, condition, parameters)
        if member is not None and change.touches(flag_words.SEEN):
            is_seen = change.action != "remove" and bool(change.bits & flag_words.SEEN)
            seen_rows.mark(tx, mailbox_id, member, span, modseq, is_seen=is_seen)
        if quiet is None:
            rows += _current(tx, mailbox_id, span, member)
        elif unseen:
            rows += [row for row in _current(tx, mailbox_id, span, member) if row[0] in unseen]
    return Updated(modseq, rows)


def rows_of(tx: Tx, mailbox_id: int, spans: Sequence[Span], member: int | None = None) -> list[Row]:
    """(uid, flags, keywords, modseq) of the entries of the spans, as they are now."""
    return [row for span in spans for row in _current(tx, mailbox_id, span, member)]


def _keyword_texts(tx: Tx, mailbox_id: int) -> list[str]:
    rows = tx.all(
        "SELECT DISTINCT keywords FROM entry WHERE mailbox_id = :mailbox AND keywords <> ''"
        " ORDER BY keywords LIMIT :limit",
        mailbox=mailbox_id,
        limit=MAX_KEYWORD_TEXTS,
    )
    return [row[0] for row in rows]


def _unseen(tx: Tx, mailbox_id: int, span: Span, quiet: Quiet, member: int | None) -> set[int]:
    """The UIDs whose last change was made by others and not seen yet."""
    rows = tx.all(
        f"SELECT e.uid, e.modseq FROM {seen_rows.rows(member)} WHERE e.mailbox_id = :mailbox"
        f" AND {seen_rows.changed(member)} AND {span.where('e.uid')}",
        mailbox=mailbox_id,
        since=quiet.since,
    )
    return {row[0] for row in rows if row[1] not in quiet.own}


def _current(tx: Tx, mailbox_id: int, span: Span, member: int | None) -> list[Row]:
    where, numbers = span.bound("e.uid")
    return tx.all(
        f"SELECT e.uid, e.flags, e.keywords, e.modseq FROM {seen_rows.rows(member)}"
        f" WHERE e.mailbox_id = :mailbox AND {where} ORDER BY e.uid",
        mailbox=mailbox_id,
        **numbers,
    )


def _keyword_cases(
    tx: Tx, mailbox_id: int, span: Span, change: FlagChange
) -> list[tuple[str, dict[str, object]]]:
    """(condition, parameters) of each UPDATE: one for each keyword text that changes.

    A command without keywords is one UPDATE; so is one that replaces them.
    """
    if not change.touches_keywords:
        return [("", {})]
    if change.action == "replace":
        return [("", {"keywords": flag_words.join_keywords(change.keywords)})]
    apply = flag_words.with_keywords if change.action == "add" else flag_words.without_keywords
    texts = tx.all(
        "SELECT DISTINCT keywords FROM entry WHERE mailbox_id = :mailbox"
        f" AND {span.where()} ORDER BY keywords",
        mailbox=mailbox_id,
    )
    return [
        (" AND keywords = :old", {"old": row[0], "keywords": apply(row[0], change.keywords)})
        for row in texts
    ]


def _update(
    tx: Tx,
    mailbox_id: int,
    span: Span,
    change: FlagChange,
    modseq: int,
    condition: str,
    parameters: dict[str, object],
) -> None:
    settings = "flags = (flags & :kept) | :bits, modseq = :modseq"
    differs = "flags <> ((flags & :kept) | :bits)"
    if "keywords" in parameters:
        settings += ", keywords = :keywords"
        differs += " OR keywords <> :keywords"
    tx.execute(
        f"UPDATE entry SET {settings} WHERE mailbox_id = :mailbox AND {span.where()}"
        f" AND ({differs}){condition}",
        mailbox=mailbox_id,
        modseq=modseq,
        **change.values(),
        **parameters,
    )
