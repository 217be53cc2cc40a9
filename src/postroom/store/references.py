"""References: how many entries and expunged copies name a message.

``message.refs`` counts those that were made with the message. Copies made later are counted in
``message_copies``, whose rows are short, and taken from there first: so a message is named by
nobody when its own ``refs`` is 0. Those that are to be counted come as a query of message ids
with the parameter ``:account``.

A row is found by the whole of its key, which comes from what is counted: a condition on the account
alone would make SQLite go through all of its messages.
"""

from postroom.db.database import Tx


def add(tx: Tx, /, account_id: int, named: str, **parameters: object) -> None:
    """Each of the rows of ``named`` is one more reference."""
    tx.execute(
        "INSERT INTO message_copies (account_id, message_id, refs)"
        f" SELECT :account, g.message_id, count(*) FROM ({named}) AS g WHERE true"
        " GROUP BY g.message_id ON CONFLICT (account_id, message_id)"
        " DO UPDATE SET refs = message_copies.refs + excluded.refs",
        account=account_id,
        **parameters,
    )


def drop(tx: Tx, /, account_id: int, named: str, **parameters: object) -> None:
    """Each of the rows of ``named`` is one reference less."""
    parameters["account"] = account_id
    going = counted(named)
    has_copies = tx.one(
        "SELECT 1 FROM message_copies WHERE account_id = :account LIMIT 1", account=account_id
    )
    own = f"({going})"
    if has_copies:
        own = (
            f"(SELECT a.account_id, a.id, a.n - coalesce(c.refs, 0) AS n FROM ({going}) AS a"
            " LEFT JOIN message_copies c ON c.account_id = a.account_id AND c.message_id = a.id)"
        )
    tx.execute(
        f"UPDATE message SET refs = refs - gone.n FROM {own} AS gone"
        " WHERE message.account_id = gone.account_id AND message.id = gone.id AND gone.n > 0",
        **parameters,
    )
    if has_copies:
        tx.execute(
            f"UPDATE message_copies SET refs = refs - gone.n FROM ({going}) AS gone"
            " WHERE message_copies.account_id = gone.account_id"
            " AND message_copies.message_id = gone.id",
            **parameters,
        )
        tx.execute(
            "DELETE FROM message_copies WHERE refs <= 0 AND (account_id, message_id) IN"
            f" (SELECT g.account_id, g.id FROM ({going}) AS g)",
            **parameters,
        )


def counted(named: str) -> str:
    """How often each message is among the rows of ``named``: ``account_id``, ``id``, ``n``."""
    return (
        "SELECT CAST(:account AS BIGINT) AS account_id, message_id AS id, count(*) AS n"
        f" FROM ({named}) AS g GROUP BY message_id"
    )


def reset(tx: Tx, account_id: int, message_id: int, refs: int) -> None:
    """Set what the rows of a message say together."""
    tx.execute(
        "UPDATE message SET refs = :refs WHERE account_id = :account AND id = :message",
        refs=refs,
        account=account_id,
        message=message_id,
    )
    tx.execute(
        "DELETE FROM message_copies WHERE account_id = :account AND message_id = :message",
        account=account_id,
        message=message_id,
    )
