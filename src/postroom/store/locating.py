"""Where the octets of a message are, by the place where a copy was filed."""

from postroom.db.database import Tx


def blob_at(tx: Tx, mailbox_id: int, uid: int) -> int | None:
    """The blob of the message there; None when it has gone from there."""
    row = tx.one(
        "SELECT m.blob_id FROM entry e JOIN message m"
        " ON m.account_id = e.account_id AND m.id = e.message_id"
        " WHERE e.mailbox_id = :mailbox AND e.uid = :uid",
        mailbox=mailbox_id,
        uid=uid,
    )
    return None if row is None else int(row[0])


def message_at(tx: Tx, mailbox_id: int, uid: int) -> tuple[int, int] | None:
    """The account and the id of the message there; None when it has gone from there."""
    row = tx.one(
        "SELECT account_id, message_id FROM entry WHERE mailbox_id = :mailbox AND uid = :uid",
        mailbox=mailbox_id,
        uid=uid,
    )
    return None if row is None else (int(row[0]), int(row[1]))
