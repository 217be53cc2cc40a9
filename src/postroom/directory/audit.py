"""The audit log: rows of ``audit``, one for each operation that changed something.

A row is written in the transaction of the change; an operation of several transactions writes
it in the first, and the others find it there.
"""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from postroom.db.database import Row, Tx, number

ActorKind = Literal["server", "command", "person", "token"]

NEWEST: Final = 1 << 62
_COLUMNS: Final = "id, at, actor_kind, actor, origin, action, object, detail"


class Entry(msgspec.Struct, frozen=True):
    """One operation. ``at`` in UTC milliseconds; ``object`` in lower case; ``detail`` is JSON."""

    id: int
    at: int
    actor_kind: ActorKind
    actor: str
    origin: str
    action: str
    object: str
    detail: str


class Sought(msgspec.Struct, frozen=True):
    """What to look for; "" is any. ``since`` is an id: that one or later."""

    actor: str = ""
    object: str = ""
    since: int = 0


def add(tx: Tx, entry: Entry) -> None:
    """Write an entry down, once."""
    tx.execute(
        f"INSERT INTO audit ({_COLUMNS}) VALUES"
        " (:id, :at, :kind, :actor, :origin, :action, :object, :detail)"
        " ON CONFLICT (id) DO NOTHING",
        id=entry.id,
        at=entry.at,
        kind=entry.actor_kind,
        actor=entry.actor,
        origin=entry.origin,
        action=entry.action,
        object=entry.object,
        detail=entry.detail,
    )


def newest(tx: Tx, sought: Sought, *, below: int = NEWEST, limit: int) -> list[Entry]:
    """The newest first, with ids under ``below``."""
    where, given = _matching(sought)
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM audit WHERE id < :below AND id >= :since{where}"
        " ORDER BY id DESC LIMIT :limit",
        below=below,
        since=sought.since,
        limit=limit,
        **given,
    )
    return [_entry(row) for row in rows]


def count(tx: Tx, sought: Sought) -> int:
    """How many match."""
    where, given = _matching(sought)
    return number(
        tx, f"SELECT count(*) FROM audit WHERE id >= :since{where}", since=sought.since, **given
    )


def concerning(
    tx: Tx,
    names: Sequence[str],
    *,
    actor: str = "",
    since: int,
    below: int = NEWEST,
    limit: int,
) -> list[Entry]:
    """What was done to one of these, or by the person ``actor``: the newest first, each once."""
    found: dict[int, Entry] = {}
    for sought in _sides(names, actor, since):
        found |= {one.id: one for one in newest(tx, sought, below=below, limit=limit)}
    return [found[ident] for ident in sorted(found, reverse=True)[:limit]]


def count_concerning(tx: Tx, names: Sequence[str], *, actor: str = "", since: int) -> int:
    """How many ``concerning`` would find."""
    both = [Sought(actor, one, since) for one in names] if actor else []
    once = sum([count(tx, one) for one in _sides(names, actor, since)])
    return once - sum([count(tx, one) for one in both])


def _sides(names: Sequence[str], actor: str, since: int) -> list[Sought]:
    of_them = [Sought(object=one, since=since) for one in names]
    return [*of_them, Sought(actor=actor, since=since)] if actor else of_them


def purge(tx: Tx, before: int, limit: int = 1000) -> int:
    """Forget entries with ids under ``before``, so many at a time; how many went."""
    return tx.execute(
        "DELETE FROM audit WHERE id IN"
        " (SELECT id FROM audit WHERE id < :before ORDER BY id LIMIT :limit)",
        before=before,
        limit=limit,
    )


def _matching(sought: Sought) -> tuple[str, dict[str, object]]:
    """The rest of the condition (it may be empty), and its parameters."""
    where, given = "", dict[str, object]()
    if sought.actor:
        where += " AND actor = :actor"
        given["actor"] = sought.actor
    if sought.object:
        where += " AND object = :object"
        given["object"] = sought.object
    return where, given


def _entry(row: Row) -> Entry:
    return Entry(*row)
