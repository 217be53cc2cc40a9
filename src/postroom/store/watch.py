"""Changes that another server made in the mailboxes that sessions here wait for.

On one data folder everybody learns by ``notify``. Servers that share a PostgreSQL look once
a second: one query for all mailboxes that are watched, a wake-up where the modification
sequence has moved. A change is so seen within about a second, and nothing can be lost.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from postroom.db.database import Database, Tx
from postroom.errors import MailError
from postroom.notify import Notify
from postroom.telemetry import sink
from postroom.telemetry.events import StorageTrouble

SECONDS: Final = 1.0

_STATES: Final = {
    "sqlite": (
        "SELECT mailbox.id, mailbox.highestmodseq FROM json_each(:ids) AS wanted"
        " JOIN mailbox ON mailbox.id = wanted.value"
    ),
    "postgres": "SELECT id, highestmodseq FROM mailbox WHERE id = ANY(:ids)",
}


def states(tx: Tx, mailbox_ids: Sequence[int]) -> dict[int, int]:
    """The modification sequences of those that exist."""
    ids = list(mailbox_ids)
    given = json.dumps(ids) if tx.engine == "sqlite" else ids
    return {row[0]: row[1] for row in tx.all(_STATES[tx.engine], ids=given)}


class Watch:
    """Looks for all sessions of one server."""

    def __init__(self, db: Database, notify: Notify) -> None:
        self._db = db
        self._notify = notify
        self._known: dict[int, int] = {}

    async def look(self) -> None:
        """Once: wake those whose mailbox has changed, or is looked at for the first time."""
        wanted = self._notify.watched()
        if not wanted:
            self._known = {}
            return
        found = await self._db.read(lambda tx: states(tx, wanted))
        now = {key: found.get(key, 0) for key in wanted}
        changed = [key for key, state in now.items() if self._known.get(key) != state]
        self._known = now
        self._notify.publish(changed)

    async def run(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Every second until cancelled."""
        while True:
            await sleep(SECONDS)
            try:
                await self.look()
            except MailError as error:
                sink.emit(StorageTrouble(where="watch", reason=str(error)))
