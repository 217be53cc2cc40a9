"""New UIDVALIDITY for every mailbox: after a restore, UIDs may mean other messages than before.

Programs that have UIDs given out since the backup forget what they know and ask again.
RFC 3501 §2.3.1.1.
"""

from typing import Final

from postroom.db.database import Tx

CHUNK: Final = 200  # accounts of one transaction


def renew(tx: Tx, after: int, now: int) -> int:
    """Renew those of some accounts with ids above ``after``; the last id, 0 at the end.

    Each account's are above all it has given out, and not below the clock (seconds).
    """
    rows = tx.all(
        "SELECT account_id FROM usage WHERE account_id > :after ORDER BY account_id LIMIT :chunk",
        after=after,
        chunk=CHUNK,
    )
    if not rows:
        return 0
    last: int = rows[-1][0]
    tx.execute(
        "UPDATE mailbox SET uidvalidity = fresh.uidvalidity FROM (SELECT m.id,"
        " CASE WHEN u.uidvalidity < :seconds THEN :seconds ELSE u.uidvalidity END"
        " + row_number() OVER (PARTITION BY m.account_id ORDER BY m.id) AS uidvalidity"
        " FROM mailbox m JOIN usage u ON u.account_id = m.account_id"
        " WHERE m.account_id > :after AND m.account_id <= :last) AS fresh"
        " WHERE mailbox.id = fresh.id",
        seconds=now // 1000,
        after=after,
        last=last,
    )
    tx.execute(
        "UPDATE usage SET uidvalidity = (SELECT max(m.uidvalidity) FROM mailbox m"
        " WHERE m.account_id = usage.account_id) WHERE account_id > :after AND account_id <= :last"
        " AND EXISTS (SELECT 1 FROM mailbox m WHERE m.account_id = usage.account_id)",
        after=after,
        last=last,
    )
    return last
