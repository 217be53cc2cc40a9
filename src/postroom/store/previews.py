"""Previews: the first words of messages, kept by message and gone with it (RFC 8970)."""

from collections.abc import Iterable, Sequence

import msgspec

from postroom.db.database import Tx


class Unread(msgspec.Struct, frozen=True):
    """A message whose preview is to be made; ``size`` in octets."""

    message_id: int
    blob_id: int
    size: int


def kept(tx: Tx, account_id: int, message_ids: Iterable[int]) -> dict[int, str]:
    """The previews that were made of these messages (of some hundred at most), by id."""
    rows = tx.all(
        "SELECT message_id, text FROM preview WHERE account_id = :account"
        f" AND message_id IN ({_numbers(message_ids)})",
        account=account_id,
    )
    return {row[0]: row[1] for row in rows}


def unread(tx: Tx, account_id: int, message_ids: Iterable[int]) -> list[Unread]:
    """Where to read these messages; those that are gone are left out."""
    rows = tx.all(
        "SELECT id, blob_id, size FROM message WHERE account_id = :account"
        f" AND id IN ({_numbers(message_ids)}) ORDER BY id",
        account=account_id,
    )
    return [Unread(*row) for row in rows]


def add(tx: Tx, account_id: int, made: Sequence[tuple[int, str]]) -> None:
    """Keep previews by message id; of messages that are gone nothing is kept."""
    there = {one.message_id for one in unread(tx, account_id, [ident for ident, _ in made])}
    tx.many(
        "INSERT INTO preview (account_id, message_id, text) VALUES (?, ?, ?)"
        " ON CONFLICT (account_id, message_id) DO NOTHING",
        [(account_id, ident, text) for ident, text in made if ident in there],
    )


def _numbers(message_ids: Iterable[int]) -> str:
    return ", ".join(f"{ident:d}" for ident in message_ids)
