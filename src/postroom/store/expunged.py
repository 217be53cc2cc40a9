"""Expunged copies: what was deleted from a mailbox and can be had back for a while.

An expunge hands the reference that an entry has to its message over to a copy here, in its
own transaction: so message and blob stay as they are, while mailbox and quota are free of
them at once. ``store.restoring`` hands it back to an entry, ``store.purge`` ends it.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from postroom.db.database import Tx
from postroom.db.ids import Ids
from postroom.store import mailboxes, sweeps

MOST_NAMED: Final = 1000  # copies in one statement
NEWEST: Final = 1 << 62

_COLUMNS: Final = "x.id, x.mailbox_id, x.mailbox, x.flags, x.size, x.received, x.expunged_at"


class Expunged(msgspec.Struct, frozen=True):
    """A copy. ``mailbox`` is the name at that time; times are in ms, ``size`` in octets."""

    id: int
    mailbox_id: int
    mailbox: str
    flags: int
    size: int
    received: int
    expunged_at: int
    blob_id: int


class Chosen(msgspec.Struct, frozen=True):
    """Which copies of an account: from this mailbox ("": any), expunged at or after this."""

    mailbox: str = ""
    since: int = 0

    def where(self) -> str:
        """A condition for SQL; its parameters are ``account``, ``mailbox`` and ``since``."""
        condition = "x.account_id = :account AND x.expunged_at >= :since"
        return f"{condition} AND x.mailbox = :mailbox" if self.mailbox else condition


class Source(msgspec.Struct, frozen=True):
    """The ``count`` entries of a mailbox that fulfil a condition, from UID ``first`` to ``last``."""

    account_id: int
    mailbox_id: int
    condition: str
    count: int
    first: int
    last: int

    @property
    def is_run(self) -> bool:
        """Whether they are all from the first to the last."""
        return self.last - self.first + 1 == self.count


class Weight(msgspec.Struct, frozen=True):
    """How much some copies are."""

    messages: int
    octets: int


def keep(tx: Tx, ids: Ids, source: Source, now: int) -> None:
    """Make copies of entries that are about to go; they take over the references."""
    number = "uid - :first" if source.is_run else "row_number() OVER (ORDER BY uid) - 1"
    tx.execute(
        "INSERT INTO expunged (id, account_id, message_id, mailbox_id, mailbox, uid, flags,"
        f" keywords, size, received, expunged_at) SELECT :base + {number}, account_id, message_id,"
        " mailbox_id, :name, uid, flags, keywords, size, received, :now"
        f" FROM {sweeps.rows(tx, source.mailbox_id, None)}"
        f" WHERE mailbox_id = :mailbox AND account_id = :account AND {source.condition}",
        base=ids.run(source.count),
        name=mailboxes.name_of(tx, source.mailbox_id),
        now=now,
        mailbox=source.mailbox_id,
        account=source.account_id,
        **({"first": source.first} if source.is_run else {}),
    )


def newest(
    tx: Tx, account_id: int, chosen: Chosen, *, below: int = NEWEST, limit: int
) -> list[Expunged]:
    """A page of copies, the newest first, with ids under ``below``."""
    return _page(tx, account_id, chosen, "x.id < :at ORDER BY x.id DESC", below, limit)


def oldest(
    tx: Tx, account_id: int, chosen: Chosen, *, after: int = 0, limit: int
) -> list[Expunged]:
    """The same in the order in which they were expunged, with ids above ``after``."""
    return _page(tx, account_id, chosen, "x.id > :at ORDER BY x.id", after, limit)


def named(tx: Tx, account_id: int, idents: Sequence[int]) -> list[Expunged]:
    """Those of these at most ``MOST_NAMED`` copies that the account has, the oldest first."""
    return _page(
        tx,
        account_id,
        Chosen(),
        f"x.id > :at AND {listed(idents, 'x.id')} ORDER BY x.id",
        0,
        MOST_NAMED,
    )


def weight(tx: Tx, account_id: int, chosen: Chosen) -> Weight:
    """How many there are, and their octets."""
    row = tx.one(
        f"SELECT count(*), coalesce(sum(x.size), 0) FROM expunged x WHERE {chosen.where()}",
        account=account_id,
        mailbox=chosen.mailbox,
        since=chosen.since,
    )
    return Weight(int(row[0]), int(row[1])) if row else Weight(0, 0)


def listed(idents: Sequence[int], column: str = "id") -> str:
    """A condition for SQL: one of these ids, which are at most ``MOST_NAMED``."""
    if not 0 < len(idents) <= MOST_NAMED:
        raise ValueError(f"{len(idents)} ids for one statement")
    return f"{column} IN ({','.join(map(str, sorted(idents)))})"


def _page(
    tx: Tx, account_id: int, chosen: Chosen, condition: str, at: int, limit: int
) -> list[Expunged]:
    rows = tx.all(
        f"SELECT {_COLUMNS}, m.blob_id FROM expunged x JOIN message m"
        " ON m.account_id = x.account_id AND m.id = x.message_id"
        f" WHERE {chosen.where()} AND {condition} LIMIT :limit",
        account=account_id,
        mailbox=chosen.mailbox,
        since=chosen.since,
        at=at,
        limit=limit,
    )
    return [Expunged(*row) for row in rows]
