"""Rows of messages for FETCH, SEARCH and POP3: pages by UID, only the columns asked for.

With ``member`` the flags are those that a person sees in a mailbox shared with them
(``seen``). RFC 3501 §6.4.5.
"""

from typing import Final

from postroom.db.database import Row, Tx
from postroom.store import seen
from postroom.store.spans import Span

_ENTRY: Final = "e.uid, e.flags, e.keywords, e.modseq, e.size, e.received, e.message_id"


def page(tx: Tx, mailbox_id: int, span: Span, member: int | None = None) -> list[Row]:
    """(uid, flags, keywords, modseq, size, received, message id) of the entries of a span."""
    where, numbers = span.bound("e.uid")
    return tx.all(
        f"SELECT {_ENTRY} FROM {seen.rows(member)}"
        f" WHERE e.mailbox_id = :mailbox AND {where} ORDER BY e.uid",
        mailbox=mailbox_id,
        **numbers,
    )


def page_with(
    tx: Tx,
    account_id: int,
    mailbox_id: int,
    span: Span,
    columns: tuple[str, ...],
    member: int | None = None,
) -> list[Row]:
    """The same, then blob id and ``columns`` of the messages (``prefix``, ``envelope`` ..)."""
    chosen = "".join(f", m.{column}" for column in columns)
    where, numbers = span.bound("e.uid")
    return tx.all(
        f"SELECT {_ENTRY}, m.blob_id{chosen} FROM {seen.rows(member)} JOIN message m"
        " ON m.account_id = e.account_id AND m.id = e.message_id"
        f" WHERE e.mailbox_id = :mailbox AND e.account_id = :account AND {where} ORDER BY e.uid",
        mailbox=mailbox_id,
        account=account_id,
        **numbers,
    )


def matching(
    tx: Tx, mailbox_id: int, span: Span, condition: str, limit: int, member: int | None = None
) -> list[Row]:
    """A page of at most ``limit`` rows of the span that fulfil a condition on ``e``.

    Rows are as ``page`` gives them, then when the entry was made (UTC ms).
    """
    return tx.all(
        f"SELECT {_ENTRY}, e.saved FROM {seen.rows(member)}"
        f" WHERE e.mailbox_id = :mailbox AND {span.where('e.uid')}"
        f"{condition} ORDER BY e.uid LIMIT :limit",
        mailbox=mailbox_id,
        limit=limit,
    )


def matching_uids(
    tx: Tx, mailbox_id: int, span: Span, condition: str, member: int | None = None
) -> list[int]:
    """The UIDs of the span that fulfil a condition on ``e``."""
    rows = tx.all(
        f"SELECT e.uid FROM {seen.rows(member)}"
        f" WHERE e.mailbox_id = :mailbox AND {span.where('e.uid')}"
        f"{condition} ORDER BY e.uid",
        mailbox=mailbox_id,
    )
    return [row[0] for row in rows]
