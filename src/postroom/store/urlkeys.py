"""Keys that authorize URLs: one for each person and mailbox (RFC 4467 §3)."""

from postroom.db.database import Tx


def find(tx: Tx, account_id: int, mailbox_id: int) -> bytes | None:
    """The key of a person for a mailbox."""
    row = tx.one(
        "SELECT key FROM url_key WHERE account_id = :account AND mailbox_id = :mailbox",
        account=account_id,
        mailbox=mailbox_id,
    )
    return row[0] if row else None


def make(tx: Tx, account_id: int, mailbox_id: int, fresh: bytes) -> bytes:
    """The key; ``fresh`` becomes it where there is none."""
    tx.execute(
        "INSERT INTO url_key (account_id, mailbox_id, key) VALUES (:account, :mailbox, :key)"
        " ON CONFLICT (account_id, mailbox_id) DO NOTHING",
        account=account_id,
        mailbox=mailbox_id,
        key=fresh,
    )
    return find(tx, account_id, mailbox_id) or fresh


def forget(tx: Tx, account_id: int, mailbox_id: int | None = None) -> None:
    """End what was authorized in a mailbox, or without one in all of them."""
    if mailbox_id is None:
        tx.execute("DELETE FROM url_key WHERE account_id = :account", account=account_id)
        return
    tx.execute(
        "DELETE FROM url_key WHERE account_id = :account AND mailbox_id = :mailbox",
        account=account_id,
        mailbox=mailbox_id,
    )
