"""What happened and somebody wants to be told: written with the facts themselves.

Nothing is written while no hook asks for messages: then this costs one look a transaction.
``take`` hands them on and deletes them in one transaction.
"""

from collections.abc import Sequence
from typing import Final, Protocol

import msgspec

from postroom.db.database import Row, Tx

MOST: Final = 100_000
"""Rows that may wait: where nothing takes them any more, the newest are not written."""

EVENTS: Final = {
    "filed": "message.received",
    "delivered": "message.delivered",
    "deferred": "message.deferred",
    "bounced": "message.bounced",
    "complained": "message.complained",
}
"""By kind of fact."""

WRITTEN: Final = frozenset({"recipient.suppressed"})
"""Others that are written with what they tell of, in its transaction."""

_COLUMNS: Final = "ledger_id, number, at, event, account_id, recipient, content"


class Told(Protocol):
    """A fact of the ledger: ``rows.Fact``."""

    @property
    def ledger_id(self) -> int: ...

    @property
    def number(self) -> int: ...

    @property
    def at(self) -> int: ...

    @property
    def kind(self) -> str: ...

    @property
    def recipient(self) -> str: ...

    @property
    def account_id(self) -> int | None: ...

    @property
    def detail(self) -> str: ...


class Occurrence(msgspec.Struct, frozen=True):
    """``content`` is JSON; of a message (``ledger_id`` not 0) the detail of the fact."""

    ledger_id: int
    number: int
    at: int
    event: str
    account_id: int | None
    recipient: str
    content: str


def offer(tx: Tx, facts: Sequence[Told]) -> None:
    """Note facts that a hook may want, if there is such a hook."""
    wanted = [fact for fact in facts if fact.kind in EVENTS]
    if not wanted or tx.one("SELECT 1 FROM webhook WHERE letters = 1 LIMIT 1") is None:
        return
    add(
        tx,
        [
            Occurrence(
                one.ledger_id, one.number, one.at, EVENTS[one.kind], one.account_id,
                one.recipient, one.detail,
            )
            for one in wanted
        ],
    )  # fmt: skip


def tell(tx: Tx, one: Occurrence) -> None:
    """Note something else than a message, if there is a hook at all."""
    if tx.one("SELECT 1 FROM webhook LIMIT 1") is not None:
        add(tx, [one])


def add(tx: Tx, occurrences: Sequence[Occurrence]) -> None:
    """Write them, unless too many wait."""
    full = tx.one(f"SELECT 1 FROM occurrence LIMIT 1 OFFSET {MOST}")
    if full is not None:
        return
    tx.many(
        f"INSERT INTO occurrence ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (ledger_id, number) DO NOTHING",
        [
            (o.ledger_id, o.number, o.at, o.event, o.account_id, o.recipient, o.content)
            for o in occurrences
        ],
    )


def is_any(tx: Tx) -> bool:
    """Whether there is anything to take."""
    return tx.one("SELECT 1 FROM occurrence LIMIT 1") is not None


def take(tx: Tx, limit: int) -> list[Occurrence]:
    """The next ones; they are gone from here."""
    rows = tx.all(
        "DELETE FROM occurrence WHERE (ledger_id, number) IN"
        " (SELECT ledger_id, number FROM occurrence ORDER BY ledger_id, number LIMIT :limit)"
        f" RETURNING {_COLUMNS}",
        limit=limit,
    )
    return sorted(map(_read, rows), key=lambda one: (one.at, one.ledger_id, one.number))


def withdraw(tx: Tx, ledger_id: int) -> None:
    """The message never came."""
    tx.execute("DELETE FROM occurrence WHERE ledger_id = :id", id=ledger_id)


def _read(row: Row) -> Occurrence:
    return Occurrence(*row)
