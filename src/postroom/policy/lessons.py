"""What people have shown to be spam or not, until it is learned: rows that wait.

Written in the transaction that moves the messages (a statement, however many they are), or
right after flags were set. At most ``MOST`` of one command wait, the newest: a person who
moves a whole archive teaches no more by it. The later of two opinions on a message counts.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from postroom.db.database import Tx, number
from postroom.store.spans import Span

MOST: Final = 1_000  # messages of one command
CHUNK: Final = 32  # that are learned before others have their turn


class Waiting(msgspec.Struct, frozen=True):
    """A message to be learned; ``asked`` tells this wish from a later one."""

    account_id: int
    message_id: int
    is_spam: bool
    asked: int
    blob_id: int


def wait(tx: Tx, mailbox_id: int, span: Span, now: int, *, is_spam: bool) -> int:
    """The messages of a mailbox in this span wait to be learned; how many."""
    return tx.execute(
        "INSERT INTO spam_waiting (account_id, message_id, spam, asked)"
        " SELECT account_id, message_id, CAST(:spam AS INTEGER), CAST(:now AS BIGINT) FROM"
        " (SELECT account_id, message_id, max(uid) AS latest FROM entry"
        f" WHERE mailbox_id = :mailbox AND {span.where()} GROUP BY account_id, message_id"
        " ORDER BY latest DESC LIMIT :most) AS shown WHERE true"
        " ON CONFLICT (account_id, message_id) DO UPDATE SET spam = excluded.spam,"
        " asked = excluded.asked",
        mailbox=mailbox_id,
        spam=int(is_spam),
        now=now,
        most=MOST,
    )


def waiting(tx: Tx) -> list[Waiting]:
    """Some of those that wait, and whose messages are still there."""
    rows = tx.all(
        "SELECT w.account_id, w.message_id, w.spam, w.asked, m.blob_id FROM spam_waiting AS w"
        " JOIN message AS m ON m.account_id = w.account_id AND m.id = w.message_id"
        " ORDER BY w.account_id, w.message_id LIMIT :most",
        most=CHUNK,
    )
    return [Waiting(row[0], row[1], bool(row[2]), row[3], row[4]) for row in rows]


def done(tx: Tx, found: Waiting) -> None:
    """A message waits no more, unless somebody has thought better of it meanwhile."""
    tx.execute(
        "DELETE FROM spam_waiting WHERE account_id = :account AND message_id = :message"
        " AND asked = :asked AND spam = :spam",
        account=found.account_id,
        message=found.message_id,
        asked=found.asked,
        spam=int(found.is_spam),
    )


def drop_orphans(tx: Tx) -> int:
    """Forget what waits of messages that are gone; how many."""
    return tx.execute(
        "DELETE FROM spam_waiting WHERE NOT EXISTS (SELECT 1 FROM message AS m"
        " WHERE m.account_id = spam_waiting.account_id AND m.id = spam_waiting.message_id)"
    )


def count(tx: Tx, accounts: Sequence[int] = ()) -> int:
    """How many wait, of these accounts or of all."""
    where = f" WHERE account_id IN ({','.join(map(str, accounts))})" if accounts else ""
    return number(tx, f"SELECT count(*) FROM spam_waiting{where}")
