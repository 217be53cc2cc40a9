"""What a server does on the quiet: finish deletions, free octets, forget what is old.

Every job may be cut off at any moment and runs again later; none holds the writer long.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from postroom.admin import accounts
from postroom.admin.office import Office
from postroom.blobs.sweep import sweep
from postroom.ledger import segments
from postroom.ledger.retention import forget
from postroom.queue.rows import still_waiting
from postroom.telemetry import sink
from postroom.telemetry.events import StorageTrouble

MINUTE: Final = 60.0  # seconds
ROUNDS_OF_ALL: Final = 60  # so many minutes from one round of all jobs to the next

Job = Callable[[], Awaitable[object]]


class Housekeeping:
    """The jobs of one server; ``run`` does them until it is cancelled."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self.jobs: Mapping[str, Job] = {
            "deletions": office.store.finish_deletions,
            "accounts": self._purge_accounts,
            "ledger": self._forget_letters,
            "blobs": lambda: office.blobs.collect(office.db, office.now()),
            "files": lambda: sweep(office.config.folder, office.db, office.now()),
        }
        self.frequent_jobs: Mapping[str, Job] = {
            "segments": lambda: segments.extend(office.db, office.now()),
        }

    async def run(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """All at the start and every hour, the frequent ones each minute."""
        for number in itertools.count():
            if number % ROUNDS_OF_ALL == 0:
                await self.once(self.jobs)
            await self.once(self.frequent_jobs)
            await sleep(MINUTE)

    async def once(self, jobs: Mapping[str, Job]) -> None:
        """These jobs; one that fails is told and does not stop the others."""
        for name, job in jobs.items():
            try:
                await job()
            except Exception as error:  # noqa: BLE001  (a fault in one must not end all)
                sink.emit(StorageTrouble(where=f"housekeeping: {name}", reason=repr(error)))

    async def _purge_accounts(self) -> None:
        office = self._office
        await accounts.purge_removed(office, office.now(), office.store.remove_account)

    async def _forget_letters(self) -> None:
        office = self._office
        await forget(office.db, office.now(), office.config.limits.ledger_days, still_waiting)
