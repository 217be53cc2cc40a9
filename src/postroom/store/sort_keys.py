"""Sort keys: what SORT and THREAD compare, kept by message.

They are made when a mailbox is sorted first, not when a message is filed, and go with the
message. Whoever reads finds messages without keys (fresh ones, copies in another account)
and makes them. RFC 5256.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from postroom.db.database import Row, Tx
from postroom.message.sort_keys import SortKeys
from postroom.store.spans import Span

COLUMNS: Final = SortKeys.__struct_fields__
MOST: Final = 500  # messages of one chunk
MOST_READ: Final = 1000  # ids in one statement

_ADD: Final = (
    f"INSERT INTO sort_key (account_id, message_id, {', '.join(COLUMNS)})"
    f" VALUES (?, ?, {', '.join('?' * len(COLUMNS))})"
    " ON CONFLICT (account_id, message_id) DO NOTHING"
)


class Unkeyed(msgspec.Struct, frozen=True):
    """A message whose keys are to be made."""

    uid: int
    message_id: int
    blob_id: int


def page(tx: Tx, mailbox_id: int, span: Span, columns: Sequence[str]) -> list[Row]:
    """(uid, received, size, message id of the keys, ``columns``) of a span, by UID.

    For a message without keys the fourth is None; without ``columns`` there are three.
    """
    where, numbers = span.bound("e.uid")
    if not columns:
        return tx.all(
            "SELECT e.uid, e.received, e.size FROM entry e"
            f" WHERE e.mailbox_id = :mailbox AND {where} ORDER BY e.uid",
            mailbox=mailbox_id,
            **numbers,
        )
    chosen = "".join(f", k.{column}" for column in columns)
    return tx.all(
        f"SELECT e.uid, e.received, e.size, k.message_id{chosen} FROM entry e LEFT JOIN sort_key k"
        " ON k.account_id = e.account_id AND k.message_id = e.message_id"
        f" WHERE e.mailbox_id = :mailbox AND {where} ORDER BY e.uid",
        mailbox=mailbox_id,
        **numbers,
    )


def among(tx: Tx, account_id: int, message_ids: Sequence[int], columns: Sequence[str]) -> list[Row]:
    """(message id, ``columns``) of those of at most ``MOST_READ`` messages that have keys."""
    return tx.all(
        f"SELECT message_id, {', '.join(columns)} FROM sort_key WHERE account_id = :account"
        f" AND message_id IN ({','.join(f'{ident:d}' for ident in message_ids)})",
        account=account_id,
    )


def unkeyed(tx: Tx, account_id: int, mailbox_id: int, span: Span) -> list[Unkeyed]:
    """The messages of a span whose keys are to be made."""
    rows = tx.all(
        "SELECT e.uid, e.message_id, m.blob_id FROM entry e"
        " JOIN message m ON m.account_id = e.account_id AND m.id = e.message_id"
        f" WHERE e.mailbox_id = :mailbox AND e.account_id = :account AND {span.where('e.uid')}"
        " ORDER BY e.uid",
        mailbox=mailbox_id,
        account=account_id,
    )
    return [Unkeyed(*row) for row in rows]


def add(tx: Tx, account_id: int, made: Sequence[tuple[int, SortKeys]]) -> None:
    """Keep the keys of messages, by message id; of those that are gone nothing is kept."""
    if not made:
        return
    numbers = ",".join(str(int(message_id)) for message_id, _ in made)
    rows = tx.all(
        f"SELECT id FROM message WHERE account_id = :account AND id IN ({numbers})",
        account=account_id,
    )
    there = {row[0] for row in rows}
    tx.many(
        _ADD,
        [
            (
                account_id, message_id, keys.sent, keys.subject, int(keys.is_reply),
                keys.author, keys.recipient, keys.copied, keys.shown_author,
                keys.shown_recipient, keys.ident, keys.ancestors,
            )
            for message_id, keys in made
            if message_id in there
        ],
    )  # fmt: skip
