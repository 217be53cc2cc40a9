"""Where ids start after a restart: above everything that is stored.

The clock may have gone back while we were down (RFC 4549 clients and our own rows both
rely on ids never coming again).
"""

from collections.abc import Callable
from typing import Final

from postroom.db.database import Database, Tx
from postroom.db.ids import Ids

# Each has its id as the primary key: the highest is found at once.
_TABLES: Final = (
    "blob",
    "ledger",
    "queued",
    "lease",
    "report",
    "expunged",
    "mailbox",
    "domain",
    "account",
    "alias",
    "address",
    "credential",
)
# message is keyed (account_id, id). On SQLite the last rows are found by rowid; on
# PostgreSQL account by account.
_MESSAGES: Final = {
    "sqlite": "SELECT max(id) FROM (SELECT id FROM message ORDER BY rowid DESC LIMIT 1000)",
    "postgres": (
        "SELECT max(newest.id) FROM usage, LATERAL (SELECT id FROM message"
        " WHERE account_id = usage.account_id ORDER BY id DESC LIMIT 1) AS newest"
    ),
}


async def ids_for(db: Database, clock: Callable[[], int], node: int = 0) -> Ids:
    """A source of ids above all stored ones; ``clock`` gives UTC milliseconds."""
    return Ids(clock, node=node, above=await db.read(highest_id))


def highest_id(tx: Tx) -> int:
    """The highest id stored, 0 when there is none."""
    found = [tx.one(f"SELECT max(id) FROM {table}") for table in _TABLES]
    found.append(tx.one(_MESSAGES[tx.engine]))
    return max((row[0] for row in found if row and row[0] is not None), default=0)
