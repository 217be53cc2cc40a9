"""Steps tried on a copy of the directory, which is thrown away: what they would come to.

What is refused there would be refused here, for the same reason, as it is the same operation; so
all that is wrong is known before anything is done. The copy is SQLite in a temporary file.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, TypeVar

from postroom.admin import names
from postroom.admin.apply.steps import Step
from postroom.admin.domains import test_is_there
from postroom.admin.office import Office
from postroom.blobs.store import BlobStore
from postroom.db import scratch
from postroom.db.database import Database, Tx
from postroom.db.scratch import Scratch
from postroom.directory import verify
from postroom.directory.directory import Directory
from postroom.errors import MailError, Refused
from postroom.notify import Notify
from postroom.store.store import Store

T = TypeVar("T")

TABLES: Final = (
    "domain", "account", "alias", "address", "alias_target", "mailing_list", "list_member", "credential", "dkim_key", "relay",
    "relay_use", "tls_rule", "send_as", "sending", "forward", "share", "mask", "domain_admin",
    "backup_domain", "journal", "suppression_sharing", "allotment", "script", "rule", "vacation", "sender_rule", "webhook", "ban",
    "dns_provider", "fetching", "mailbox", "usage", "retention", "subscription", "digest",
)  # fmt: skip
"""What steps look at; of the mail itself nothing but the names of mailboxes."""


class Rehearsal:
    """A copy, and the thread and event loop that it lives in."""

    def __init__(self, office: Office, folder: Path) -> None:
        self._origin = office
        self._folder = folder
        self._thread = ThreadPoolExecutor(1, "rehearsal")
        self._loop = asyncio.new_event_loop()
        self._office: Office

    async def open(self) -> None:
        """Copy what there is."""
        db = await self._there(Scratch)
        for table in TABLES:
            await self._copy(db, table)
        await self._there(db.begin)
        self._office = await self._inside(lambda: _opened(self._origin, db, self._folder))

    async def refused(self, steps: Sequence[Step]) -> list[tuple[Step, str]]:
        """Try steps; those that are refused, with the reasons."""
        return await self._inside(lambda: _attempt(self._office, steps))

    async def missing(self, addresses: Sequence[str]) -> list[str]:
        """Which of these nobody would have, although their domains are own ones."""
        return await self._inside(lambda: self._office.db.read(lambda tx: _missing(tx, addresses)))

    async def close(self) -> None:
        """Throw it away."""
        if hasattr(self, "_office"):
            await self._inside(lambda: _closed(self._office))
        await self._there(self._loop.close)
        self._thread.shutdown()

    async def _copy(self, db: Scratch, table: str) -> None:
        columns, key = await self._there(lambda: db.columns(table))
        places = [columns.index(name) for name in key]
        after: Sequence[object] = ()
        while True:
            rows = await self._origin.db.read(
                lambda tx, after=after: scratch.page(tx, table, columns, key, after)  # type: ignore[misc]
            )
            await self._there(lambda rows=rows: db.load(table, rows))  # type: ignore[misc]
            if len(rows) < scratch.PAGE:
                return
            after = [rows[-1][place] for place in places]

    async def _there(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def _inside(self, work: Callable[[], Awaitable[T]]) -> T:
        async def run() -> T:
            return await work()

        return await self._there(lambda: self._loop.run_until_complete(run()))


@asynccontextmanager
async def rehearsal(office: Office) -> AsyncIterator[Rehearsal]:
    """A copy of what is set up here now."""
    with tempfile.TemporaryDirectory(prefix="postroom-") as folder:
        copy = Rehearsal(office, Path(folder))
        try:
            await copy.open()
            yield copy
        finally:
            await copy.close()


async def _opened(origin: Office, db: Database, folder: Path) -> Office:
    secrets, notify = origin.directory.secrets, Notify()
    directory = Directory(db, origin.ids, origin.clock, secrets, costs=origin.directory.costs)
    blobs = BlobStore(folder, db.engine, origin.ids)
    store = Store(
        db, blobs, origin.ids, origin.clock, notify, directory.quota_of, keeps_expunged=False
    )
    return Office(
        config=origin.config, db=db, directory=directory, store=store, blobs=blobs,
        notify=notify, ids=origin.ids, clock=origin.clock,
    )  # fmt: skip


async def _closed(office: Office) -> None:
    office.notify.close()
    office.directory.close()
    await office.db.close()


async def _attempt(office: Office, steps: Sequence[Step]) -> list[tuple[Step, str]]:
    found = []
    for step in steps:
        try:
            await step.run(office)
        except (Refused, MailError) as error:
            found.append((step, str(error)))
    return found


def _missing(tx: Tx, addresses: Sequence[str]) -> list[str]:
    found = []
    for text in addresses:
        try:
            test_is_there(tx, names.address(text))
        except Refused:
            if verify.verify(tx, names.address(text)).kind == "unknown":  # no pattern has it
                found.append(text)
    return found
