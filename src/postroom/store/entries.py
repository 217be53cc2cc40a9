"""Entries: the messages of a mailbox as a session sees them, and their flags.

Every change of a mailbox first raises ``highestmodseq`` of its row, which locks it: so
changes commit in the order of their MODSEQ, and a session that has seen everything up to
one MODSEQ learns all that happened since from the rows above it (``store.news``). A STORE
that changes nothing leaves it as it is.

RFC 7162 §3.1 (MODSEQ), RFC 3501 §2.3.1, §2.3.2.
"""

from array import array
from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from postroom.db.database import Row, Tx
from postroom.errors import NotFound
from postroom.store import blocks, flags as flag_words, seen as seen_rows, sweeps
from postroom.store.spans import Span, span_of

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
    uids: "array[int] | None"
    keywords: list[str]


class FlagChange(msgspec.Struct, frozen=True):
    """A STORE command. ``keywords`` are those to add, to remove, or the new ones.

    Flags outside ``mask``, and without ``names`` all keywords, stay as they are. With
    ``unchanged_since`` only entries whose MODSEQ is not above it change; 0 lets only
    keywords be added to entries that have none of them (RFC 7162 §3.1.3).
    """

    action: Action
    bits: int
    keywords: frozenset[str] = frozenset()
    mask: int = flag_words.ALL
    names: bool = True
    unchanged_since: int | None = None

    def passes(self, keywords: str, modseq: int) -> bool:
        """Whether an entry with these keywords and this MODSEQ may be changed."""
        if self.unchanged_since is None or modseq <= self.unchanged_since:
            return True
        is_test = not self.unchanged_since and not self.bits and self.action == "add"
        return is_test and not any(flag_words.has_keyword(keywords, w) for w in self.keywords)

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

    @property
    def is_swept(self) -> bool:
        """Whether it changes whole blocks at once, where it can (``sweeps``)."""
        return not self.touches_keywords and sweeps.can(**self.values())

    def values(self) -> dict[str, int]:
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
    ``wants_modseq``: it is to learn the new MODSEQ of every message all the same.
    """

    since: int
    own: frozenset[int] = frozenset()
    wants_modseq: bool = False


UNTOLD: Final = Quiet(1 << 62)  # nobody asks what the flags are now


class Updated(msgspec.Struct, frozen=True):
    """What a STORE has done; rows are (uid, flags, keywords, modseq), by UID.

    ``rows`` are the entries of the span but the ``failed`` ones, which were not unchanged.
    ``unseen`` are those that others changed before, without this session knowing; with
    ``Quiet`` only these are in ``rows``, unless it wants the MODSEQ of all. ``modseq`` is
    0 when nothing changed. ``blocks``: the MODSEQs that the blocks of an unlisted span had before.
    """

    modseq: int
    rows: list[Row]
    unseen: frozenset[int] = frozenset()
    failed: list[int] = []
    blocks: dict[int, int] = {}


def opening(tx: Tx, account_id: int, mailbox_id: int, member: int | None = None) -> Opening:
    """What a session needs to begin; raises NotFound."""
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
    uids: array[int] | None = None
    if state.messages != state.last_uid - state.first_uid + 1:
        rows = tx.all(
            "SELECT uid FROM entry WHERE mailbox_id = :mailbox ORDER BY uid", mailbox=mailbox_id
        )
        uids = array("I", [row[0] for row in rows])
    return Opening(state, uids, _keyword_texts(tx, mailbox_id))


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
    return _raised(tx, account_id, mailbox_id, 1)


def update_flags(
    tx: Tx,
    account_id: int,
    mailbox_id: int,
    span: Span,
    change: FlagChange,
    quiet: Quiet | None = None,
    member: int | None = None,
) -> Updated:
    r"""Change flags server-side under one MODSEQ; rows that stay the same keep theirs.

    The \Seen of a ``member`` is the member's own.
    """
    modseq = _raised(tx, account_id, mailbox_id, 0) + 1
    unseen = _unseen(tx, mailbox_id, span, quiet, member) if quiet else frozenset[int]()
    before = blocks.modseqs(tx, mailbox_id, span) if span.listed is None else {}
    failed: list[int] = []
    if change.unchanged_since is not None:
        passing, failed = _parted(tx, mailbox_id, span, change, member)
        if not passing:
            return Updated(0, [], unseen, failed)
        span = span_of(passing)
    if _change(tx, mailbox_id, span, change, modseq, member):
        _raised(tx, account_id, mailbox_id, 1)
    else:
        modseq = 0
    rows: list[Row] = []
    if quiet is None or quiet.wants_modseq:
        rows = _current(tx, mailbox_id, span, member)
    elif unseen:
        rows = [row for row in _current(tx, mailbox_id, span, member) if row[0] in unseen]
    return Updated(modseq, rows, unseen, failed, before)


def redate(tx: Tx, mailbox_id: int, uid: int, received: int) -> None:
    """Give a message that has just come another INTERNALDATE; in its account it has this one."""
    row = tx.one(
        "UPDATE entry SET received = :received WHERE mailbox_id = :mailbox AND uid = :uid"
        " RETURNING account_id, message_id",
        received=received,
        mailbox=mailbox_id,
        uid=uid,
    )
    if row is not None:
        tx.execute(
            "UPDATE message SET received = :received WHERE account_id = :account AND id = :id",
            received=received,
            account=row[0],
            id=row[1],
        )


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


def _raised(tx: Tx, account_id: int, mailbox_id: int, by: int) -> int:
    """The mailbox's MODSEQ, raised; the row is locked."""
    row = tx.one(
        "UPDATE mailbox SET highestmodseq = highestmodseq + :by WHERE id = :mailbox"
        " AND account_id = :account RETURNING highestmodseq",
        by=by,
        mailbox=mailbox_id,
        account=account_id,
    )
    if row is None:
        raise NotFound("the mailbox has just been deleted")
    return int(row[0])


def _unseen(
    tx: Tx, mailbox_id: int, span: Span, quiet: Quiet, member: int | None
) -> frozenset[int]:
    """The UIDs whose last change was made by others and not seen yet."""
    rows = tx.all(
        f"SELECT e.uid, e.modseq {blocks.changed(sweeps.rows(tx, mailbox_id, member))}"
        f" AND k.block <= :last / {blocks.SIZE} AND {span.where('+e.uid')}",
        mailbox=mailbox_id,
        since=quiet.since,
        after=span.first - 1,
        last=span.last,
    )
    return frozenset(row[0] for row in rows if row[1] not in quiet.own)


def _parted(
    tx: Tx, mailbox_id: int, span: Span, change: FlagChange, member: int | None
) -> tuple[list[int], list[int]]:
    """The UIDs that a conditional STORE may change, and those it may not."""
    rows = _current(tx, mailbox_id, span, member)
    failed = [row[0] for row in rows if not change.passes(row[2], row[3])]
    if not failed:
        return [row[0] for row in rows], []
    kept = frozenset(failed)
    return [row[0] for row in rows if row[0] not in kept], failed


def _change(
    tx: Tx, mailbox_id: int, span: Span, change: FlagChange, modseq: int, member: int | None
) -> int:
    """Change the entries of a span; 0 when none has become different."""
    shared = change
    if member is not None:
        shared = msgspec.structs.replace(change, mask=change.mask & ~flag_words.SEEN)
    count = 0
    if shared.touches(flag_words.ALL) or shared.touches_keywords:
        count, rest = 0, [span]
        if not shared.touches_keywords:
            count, rest = sweeps.sweep(tx, mailbox_id, span, modseq, **shared.values())
        for part in rest:
            count += _change_rows(tx, mailbox_id, part, shared, modseq)
    if member is not None and change.touches(flag_words.SEEN):
        is_seen = change.action != "remove" and bool(change.bits & flag_words.SEEN)
        count += seen_rows.mark(tx, mailbox_id, member, span, modseq, is_seen=is_seen)
    return count


def _change_rows(tx: Tx, mailbox_id: int, span: Span, change: FlagChange, modseq: int) -> int:
    """The same, entry by entry; how many."""
    sweeps.settle(tx, mailbox_id, span)
    count = 0
    for condition, parameters in _keyword_cases(tx, mailbox_id, span, change):
        count += _update(tx, mailbox_id, span, change, modseq, condition, parameters)
    if count:
        blocks.risen(tx, mailbox_id, span, modseq)
    return count


def _current(tx: Tx, mailbox_id: int, span: Span, member: int | None) -> list[Row]:
    where, numbers = span.bound("e.uid")
    return tx.all(
        f"SELECT e.uid, e.flags, e.keywords, e.modseq FROM {sweeps.rows(tx, mailbox_id, member)}"
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
) -> int:
    settings = "flags = (flags & :kept) | :bits, modseq = :modseq"
    differs = "flags <> ((flags & :kept) | :bits)"
    if "keywords" in parameters:
        settings += ", keywords = :keywords"
        differs += " OR keywords <> :keywords"
    return tx.execute(
        f"UPDATE entry SET {settings} WHERE mailbox_id = :mailbox AND {span.where()}"
        f" AND ({differs}){condition}",
        mailbox=mailbox_id,
        modseq=modseq,
        **change.values(),
        **parameters,
    )
