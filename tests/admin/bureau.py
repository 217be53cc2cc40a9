"""An office over a fresh database, with quick passwords and a clock of its own."""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from postroom.address import Address
from postroom.admin.office import Office
from postroom.admin.recording import RecordingDatabase
from postroom.blobs.store import BlobStore
from postroom.config.model import Config
from postroom.db.ids import Ids
from postroom.directory.directory import Directory
from postroom.directory.login import Outside
from postroom.directory.secrets import Secrets
from postroom.notify import Notify
from postroom.queue.rows import NOTIFY_KEY
from postroom.store.store import Store
from tests.conftest import Opener
from tests.directory.town import QUICK
from tests.fakes import Clock

Offices = Callable[[], contextlib.AbstractAsyncContextManager[Office]]
Story = Callable[[Office, Clock], Awaitable[None]]


def offices(
    database: Opener, folder: Path, clock: Clock, outside: Outside | None = None
) -> Offices:
    """An opener of offices; ``outside`` knows passwords as well."""

    @contextlib.asynccontextmanager
    async def opened() -> AsyncIterator[Office]:
        async with database() as opened_db:
            db = RecordingDatabase(opened_db)
            ids = Ids(clock)
            directory = Directory(
                db, ids, clock, Secrets(folder / "secrets"), costs=QUICK, outside=outside
            )
            notify, blobs = Notify(folder), BlobStore(folder, db.engine, ids)
            try:
                yield Office(
                    config=Config(hostname="mx.demo.test", data=str(folder)),
                    db=db,
                    directory=directory,
                    store=Store(
                        db, blobs, ids, clock, notify, directory.quota_of, keeps_expunged=True
                    ),
                    blobs=blobs,
                    notify=notify,
                    ids=ids,
                    clock=clock,
                )
            finally:
                notify.close()
                directory.close()

    return opened


@contextlib.asynccontextmanager
async def hinting(office: Office) -> AsyncIterator[Office]:
    """The office beside a server, which is to be told of what is done inside."""
    data = Path(office.config.data)
    server, ours, told = Notify(data), Notify(data), asyncio.Event()
    server.subscribe(NOTIFY_KEY, told.set)
    server.listen()
    try:
        yield dataclasses.replace(office, notify=ours)
        async with asyncio.timeout(60):
            await told.wait()
    finally:
        ours.close()
        server.close()


async def receivers(office: Office, address: str) -> int:
    """How many get a letter for ``address``."""
    found = await office.directory.resolve(Address.parse(address))
    return len(found.local) + len(found.remote)


async def logs_in(office: Office, login: str, password: str, scope: str = "imap") -> bool:
    return await office.directory.password(login, password, scope) is not None
