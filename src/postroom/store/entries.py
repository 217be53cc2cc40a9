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
from postroom.store import flags as flag_words, mailboxes
from postroom.store.spans import Span

Action = Literal["add", "remove", "replace"]

MAX_KEYWORD_TEXTS: Final = 1000  # different combinations that a session looks at

_VALUES: Final[dict[Action, str]] = {
    "add": "flags | :bits",
    "remove": "flags & :kept",
    "replace": ":bits",
}


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
    """A STORE command. ``keywords`` are those to add, to remove, or the new ones."""

    action: Action
    bits: int
    keywords: frozenset[str] = frozenset()


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


def opening(tx: Tx, account_id: int, mailbox_id: int) -> Opening:
    """What a session needs to begin; raises NotFound.

    The row is read first: what happens between the statements is seen again as news.
    """
    row = tx.one(
        "SELECT name, uidvalidity, uidnext, highestmodseq, messages, recent_uid,"
        " coalesce((SELECT min(uid) FROM entry WHERE mailbox_id = :mailbox), 0),"
        " coalesce((SELECT max(uid) FROM entry WHERE mailbox_id = :mailbox), 0),"
        " coalesce((SELECT min(uid) FROM entry WHERE mailbox_id = :mailbox AND (flags & 1) = 0), 0)"
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


def news(tx: Tx, account_id: int, mailbox_id: int, seen: int, gone: int | None) -> News:
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
            "SELECT uid, flags, keywords, modseq FROM entry"
            " WHERE mailbox_id = :mailbox AND modseq > :since ORDER BY uid",
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
) -> Updated:
    """Change flags server-side under one MODSEQ; rows that stay the same keep theirs."""
    modseq = next_modseq(tx, account_id, mailbox_id)
    rows: list[Row] = []
    for span in spans:
        unseen = _unseen(tx, mailbox_id, span, quiet) if quiet else set()
        for condition, parameters in _keyword_cases(tx, mailbox_id, span, change):
            _update(tx, mailbox_id, span, change, modseq, condition, parameters)
        if quiet is None:
            rows += _current(tx, mailbox_id, span)
        elif unseen:
            rows += [row for row in _current(tx, mailbox_id, span) if row[0] in unseen]
    return Updated(modseq, rows)


def rows_of(tx: Tx, mailbox_id: int, spans: Sequence[Span]) -> list[Row]:
    """(uid, flags, keywords, modseq) of the entries of the spans, as they are now."""
    return [row for span in spans for row in _current(tx, mailbox_id, span)]


def _keyword_texts(tx: Tx, mailbox_id: int) -> list[str]:
    rows = tx.all(
        "SELECT DISTINCT keywords FROM entry WHERE mailbox_id = :mailbox AND keywords <> ''"
        " ORDER BY keywords LIMIT :limit",
        mailbox=mailbox_id,
        limit=MAX_KEYWORD_TEXTS,
    )
    return [row[0] for row in rows]


def _unseen(tx: Tx, mailbox_id: int, span: Span, quiet: Quiet) -> set[int]:
    """The UIDs whose last change was made by others and not seen yet."""
    rows = tx.all(
        "SELECT uid, modseq FROM entry WHERE mailbox_id = :mailbox AND modseq > :since"
        f" AND {span.where()}",
        mailbox=mailbox_id,
        since=quiet.since,
    )
    return {row[0] for row in rows if row[1] not in quiet.own}


def _current(tx: Tx, mailbox_id: int, span: Span) -> list[Row]:
    return tx.all(
        "SELECT uid, flags, keywords, modseq FROM entry WHERE mailbox_id = :mailbox"
        f" AND {span.where()} ORDER BY uid",
        mailbox=mailbox_id,
    )


def _keyword_cases(
    tx: Tx, mailbox_id: int, span: Span, change: FlagChange
) -> list[tuple[str, dict[str, object]]]:
    """(condition, parameters) of each UPDATE: one for each keyword text that changes.

    A command without keywords is one UPDATE; so is one that replaces them.
    """
    if change.action == "replace":
        return [("", {"keywords": flag_words.join_keywords(change.keywords)})]
    if not change.keywords:
        return [("", {})]
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
    value = _VALUES[change.action]
    settings = f"flags = {value}, modseq = :modseq"
    differs = f"flags <> ({value})"
    if "keywords" in parameters:
        settings += ", keywords = :keywords"
        differs += " OR keywords <> :keywords"
    bits: dict[str, object] = (
        {"kept": flag_words.ALL & ~change.bits}
        if change.action == "remove"
        else {"bits": change.bits & flag_words.ALL}
    )
    tx.execute(
        f"UPDATE entry SET {settings} WHERE mailbox_id = :mailbox AND {span.where()}"
        f" AND ({differs}){condition}",
        mailbox=mailbox_id,
        modseq=modseq,
        **bits,
        **parameters,
    )
