"""The rows of the ledger: one an accepted letter, one a recipient and fact.

``add`` writes what is known at acceptance, in the commit of the letter itself; ``note``
what comes later, in the transaction that makes it true. Text that strangers wrote is made
harmless by ``clean`` before it gets here; addresses by ``folded``, so that they are found
whatever their case.
"""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from postroom.db.database import Row, Tx
from postroom.ledger import occurrences

Kind = Literal[
    "checked",
    "filed",
    "queued",
    "deferred",
    "delivered",
    "bounced",
    "complained",
    "held",
    "released",
    "removed",
    "noted",
    "refused",
]

MAX_TEXT: Final = 250  # characters of a Message-ID, an address or a subject

ENTRY_COLUMNS: Final = (
    "id, at, door, peer, helo, account_id, sender, message_id, subject, size, tls"
)
FACT_COLUMNS: Final = "ledger_id, number, at, kind, recipient, account_id, mailbox_id, uid, detail"


class Entry(msgspec.Struct, frozen=True):
    """An accepted letter. ``sender`` is "" for the null reverse-path; ``at`` in ms."""

    id: int
    at: int
    door: str
    peer: str
    helo: str
    sender: str
    message_id: str
    subject: str
    size: int
    tls: str = ""
    account_id: int | None = None


class Fact(msgspec.Struct, frozen=True):
    """What became of a letter for one recipient ("" means: for the letter as a whole).

    ``number`` orders the facts: 1, 2, .. at acceptance, an id for what comes later.
    """

    ledger_id: int
    number: int
    at: int
    kind: Kind
    recipient: str
    account_id: int | None = None
    mailbox_id: int | None = None
    uid: int | None = None
    detail: str = ""


def clean(text: str, limit: int = MAX_TEXT) -> str:
    """Valid Unicode without NUL and other controls, at most ``limit`` characters."""
    if len(text) <= limit and text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text[:limit]
    )


def folded(address: str) -> str:
    """An address as it is stored and sought."""
    return clean(address.casefold())


def normal_id(message_id: str) -> str:
    """A Message-ID as it is stored and sought: without angle brackets."""
    return clean(message_id.strip().removeprefix("<").removesuffix(">"))


def add(tx: Tx, entries: Sequence[Entry], facts: Sequence[Fact]) -> None:
    """Write new letters and their facts. Raises ConstraintFailed when one is there already."""
    if entries:
        tx.many(
            f"INSERT INTO ledger ({ENTRY_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    e.id, e.at, e.door, e.peer, e.helo, e.account_id, e.sender, e.message_id,
                    e.subject, e.size, e.tls,
                )
                for e in entries
            ],
        )  # fmt: skip
    if facts:
        tx.many(
            f"INSERT INTO ledger_event ({FACT_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            _rows(facts),
        )
        occurrences.offer(tx, facts)


def note(tx: Tx, facts: Sequence[Fact]) -> None:
    """Write later facts; those that are there already stay as they are."""
    tx.many(
        f"INSERT INTO ledger_event ({FACT_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (ledger_id, number) DO NOTHING",
        _rows(facts),
    )
    occurrences.offer(tx, facts)


def entry(tx: Tx, ident: int) -> Entry | None:
    """The letter of this queue id, without its facts."""
    row = tx.one(f"SELECT {ENTRY_COLUMNS} FROM ledger WHERE id = :id", id=ident)
    return read(row) if row else None


def read(row: Row) -> Entry:
    """The entry in a row of ENTRY_COLUMNS."""
    ident, at, door, peer, helo, account_id, sender, message_id, subject, size, tls = row
    return Entry(ident, at, door, peer, helo, sender, message_id, subject, size, tls, account_id)


def remove(tx: Tx, ident: int) -> None:
    """Take a letter back, with all its facts: its commit must not have happened."""
    tx.execute("DELETE FROM ledger_event WHERE ledger_id = :id", id=ident)
    tx.execute("DELETE FROM ledger WHERE id = :id", id=ident)
    occurrences.withdraw(tx, ident)


def _rows(facts: Sequence[Fact]) -> list[tuple[object, ...]]:
    return [
        (
            f.ledger_id, f.number, f.at, f.kind, f.recipient, f.account_id, f.mailbox_id, f.uid,
            f.detail,
        )
        for f in facts
    ]  # fmt: skip
