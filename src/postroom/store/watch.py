"""Changes that another server made where sessions here wait for them.

On one data folder everybody learns by ``notify``. Servers that share a PostgreSQL look once
a second: one query for all mailboxes that are watched and one for all accounts, a wake-up
where a modification sequence or an account's counter of changes has moved. A change is so
seen within about a second, and nothing can be lost.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from postroom.db.database import Database, Tx
from postroom.notify import DIRECTORY, Notify
from postroom.store.store import account_key
from postroom.telemetry.trouble import quietly

SECONDS: Final = 1.0

_STATES: Final = {
    "sqlite": (
        "SELECT mailbox.id, mailbox.highestmodseq FROM json_each(:ids) AS wanted"
        " JOIN mailbox ON mailbox.id = wanted.value"
    ),
    "postgres": "SELECT id, highestmodseq FROM mailbox WHERE id = ANY(:ids)",
}
_ACCOUNTS: Final = {
    "sqlite": (
        "SELECT u.account_id, u.changes FROM json_each(:ids) AS wanted"
        " JOIN usage u ON u.account_id = wanted.value"
    ),
    "postgres": "SELECT account_id, changes FROM usage WHERE account_id = ANY(:ids)",
}


def states(tx: Tx, mailbox_ids: Sequence[int]) -> dict[int, int]:
    """The modification sequences of those that exist."""
    return _found(tx, _STATES, mailbox_ids)


def account_states(tx: Tx, account_ids: Sequence[int]) -> dict[int, int]:
    """How often what is an account's own has changed, of those that were ever used."""
    return _found(tx, _ACCOUNTS, account_ids)


def _found(tx: Tx, statements: Mapping[str, str], ids: Sequence[int]) -> dict[int, int]:
    if not ids:
        return {}
    given = json.dumps(list(ids)) if tx.engine == "sqlite" else list(ids)
    return {row[0]: row[1] for row in tx.all(statements[tx.engine], ids=given)}


class Watch:
    """Looks for all sessions of one server."""

    def __init__(self, db: Database, notify: Notify, version: Callable[[Tx], int]) -> None:
        """``version`` reads the number of the directory's latest change."""
        self._db = db
        self._version = version
        self._notify = notify
        self._known: dict[int, int] = {}

    async def look(self) -> None:
        """Once: wake those whose mailbox has changed, or is looked at for the first time."""
        wanted = self._notify.watched()
        if not wanted:
            self._known = {}
            return
        found = await self._db.read(lambda tx: self._read(tx, wanted))
        now = {key: found.get(key, 0) for key in wanted}
        changed = [key for key, state in now.items() if self._known.get(key) != state]
        self._known = now
        self._notify.publish(changed)

    def _read(self, tx: Tx, keys: Sequence[int]) -> dict[int, int]:
        """The states of what is watched, by the keys of ``notify``."""
        found = states(tx, [key for key in keys if key > DIRECTORY])
        accounts = account_states(tx, [-key for key in keys if key < DIRECTORY])
        found.update((account_key(ident), changes) for ident, changes in accounts.items())
        if DIRECTORY in keys:
            found[DIRECTORY] = self._version(tx)
        return found

    async def run(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Every second until cancelled."""
        while True:
            await sleep(SECONDS)
            await quietly("watch", self.look)
