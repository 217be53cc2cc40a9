"""What hooks have answered: the latest calls of each, rows of ``hook_answer``."""

from typing import Final

import msgspec

from postroom.db.database import Row, Tx

KEPT: Final = 100  # of each hook
_COLUMNS: Final = "hook_id, id, at, event, event_id, attempt, is_good, answer"


class HookAnswer(msgspec.Struct, frozen=True):
    """One attempt, the first is 1; ``at`` in ms. ``answer`` is a status or the reason."""

    hook_id: int
    id: int
    at: int
    event: str
    event_id: str
    attempt: int
    is_good: bool
    answer: str


def add(tx: Tx, one: HookAnswer) -> None:
    """Remember an answer, and forget those that are too old by it; nothing of a hook that is gone."""
    if tx.one("SELECT 1 FROM webhook WHERE id = :hook", hook=one.hook_id) is None:
        return
    tx.execute(
        f"INSERT INTO hook_answer ({_COLUMNS}) VALUES"
        " (:hook, :id, :at, :event, :event_id, :attempt, :good, :answer)",
        hook=one.hook_id,
        id=one.id,
        at=one.at,
        event=one.event,
        event_id=one.event_id,
        attempt=one.attempt,
        good=int(one.is_good),
        answer=one.answer,
    )
    tx.execute(
        "DELETE FROM hook_answer WHERE hook_id = :hook AND id < (SELECT min(id) FROM"
        " (SELECT id FROM hook_answer WHERE hook_id = :hook ORDER BY id DESC LIMIT :kept) l)",
        hook=one.hook_id,
        kept=KEPT,
    )


def latest(tx: Tx, hook_id: int) -> list[HookAnswer]:
    """Those of a hook, the latest first."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM hook_answer WHERE hook_id = :hook ORDER BY id DESC", hook=hook_id
    )
    return [_read(row) for row in rows]


def _read(row: Row) -> HookAnswer:
    hook_id, ident, at, event, event_id, attempt, is_good, answer = row
    return HookAnswer(hook_id, ident, at, event, event_id, attempt, bool(is_good), answer)
