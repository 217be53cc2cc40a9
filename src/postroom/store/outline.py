"""The outline of an account's mail: of each entry what lists and changes of messages hang on.

Whoever keeps one brings it up to date from the MODSEQ that it has seen of each mailbox. Rows are
(uid, message id, thread id, flags, keywords, size, received, modseq), by UID. RFC 8621 §4.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from postroom.db.database import Row, Tx
from postroom.store import blocks, sweeps, vanished

PAGE: Final = 10_000  # rows of one answer
MOST_IDS: Final = 1000  # in one statement

_ROW: Final = "e.uid, e.message_id, m.thread_id, e.flags, e.keywords, e.size, e.received, e.modseq"
_MESSAGE: Final = "JOIN message m ON m.account_id = e.account_id AND m.id = e.message_id"


class Head(msgspec.Struct, frozen=True):
    """A mailbox's row, as far as it tells whether something has changed."""

    id: int
    name: str
    special_use: str | None
    uidvalidity: int
    uidnext: int
    modseq: int
    messages: int
    forgotten: int


class Update(msgspec.Struct, frozen=True):
    """What has come or changed, and the UIDs that went; ``gone`` None: look at all anew."""

    changed: list[Row]
    gone: list[int] | None


class Stored(msgspec.Struct, frozen=True):
    """A message's row, without what other modules read of it."""

    id: int
    blob_id: int
    prefix: bytes
    received: int
    size: int
    bodystructure: bytes
    thread_id: int


def heads(tx: Tx, account_id: int) -> list[Head]:
    """Every mailbox of an account, by id."""
    rows = tx.all(
        "SELECT id, name, special_use, uidvalidity, uidnext, highestmodseq, messages, forgotten"
        " FROM mailbox WHERE account_id = :account AND name >= :first ORDER BY id",
        account=account_id,
        first=" ",
    )
    return [Head(*row) for row in rows]


def page(tx: Tx, mailbox_id: int, after: int, member: int | None) -> list[Row]:
    """The next entries above a UID."""
    return tx.all(
        f"SELECT {_ROW} FROM {sweeps.rows(tx, mailbox_id, member)} {_MESSAGE}"
        " WHERE e.mailbox_id = :mailbox AND e.uid > :after ORDER BY e.uid LIMIT :limit",
        mailbox=mailbox_id,
        after=after,
        limit=PAGE,
    )


def update(tx: Tx, mailbox_id: int, since: int, member: int | None) -> Update:
    """What has happened to a mailbox after a MODSEQ."""
    found = vanished.since(tx, mailbox_id, since)
    if found is None:
        return Update([], None)
    gone, has_more = found
    if has_more:
        return Update([], None)
    changed = tx.all(
        f"SELECT {_ROW} FROM (SELECT e.* {blocks.changed(sweeps.rows(tx, mailbox_id, member))})"
        f" AS e {_MESSAGE} ORDER BY e.uid LIMIT :limit",
        mailbox=mailbox_id,
        after=0,
        since=since,
        limit=PAGE,
    )
    return Update(changed, None if len(changed) == PAGE else [row[0] for row in gone])


def threads(tx: Tx, account_id: int, message_ids: Sequence[int]) -> dict[int, int]:
    """The threads of messages, by id; of those that are gone none."""
    return {
        row[0]: row[1]
        for start in range(0, len(message_ids), MOST_IDS)
        for row in tx.all(
            "SELECT id, thread_id FROM message WHERE account_id = :account"
            f" AND id IN ({_listed(message_ids[start : start + MOST_IDS])})",
            account=account_id,
        )
    }


def stored(tx: Tx, account_id: int, message_ids: Sequence[int]) -> dict[int, Stored]:
    """The rows of at most ``MOST_IDS`` messages, by id; of those that are gone none."""
    if not message_ids:
        return {}
    rows = tx.all(
        "SELECT id, blob_id, prefix, received, size, bodystructure, thread_id FROM message"
        f" WHERE account_id = :account AND id IN ({_listed(message_ids)})",
        account=account_id,
    )
    return {row[0]: Stored(*row) for row in rows}


def _listed(message_ids: Sequence[int]) -> str:
    return ",".join(f"{ident:d}" for ident in message_ids)
