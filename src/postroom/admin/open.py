"""Opens the office of an install: what every command does first.

Works beside a running server and without one; the first use makes data folder, schema
and keys. A change of the directory is hinted to the server, so that it counts at once.
"""

import contextlib
import secrets
from collections.abc import AsyncIterator
from functools import partial
from typing import Final

from postroom.admin.office import Office
from postroom.admin.recording import RecordingDatabase
from postroom.blobs.disk import Disk
from postroom.blobs.store import BlobStore
from postroom.config.model import Config
from postroom.db.identity import ids_for
from postroom.db.open import now_ms, open_database
from postroom.directory import fingerprint
from postroom.directory.directory import Directory
from postroom.directory.secrets import Secrets
from postroom.net import ldap
from postroom.notify import DIRECTORY, Notify
from postroom.store.store import Store

# Servers count their nodes from 0. Commands take one of the upper half by chance: two
# processes hardly ever make the same id, and then the second write is refused.
_COMMAND_NODES: Final = 128


@contextlib.asynccontextmanager
async def open_office(
    config: Config, *, node: int | None = None, notify: Notify | None = None
) -> AsyncIterator[Office]:
    """Everything open; closed at the end, whatever happens. ``node`` is one of ``Ids``.

    ``notify``: another than the usual one of the data folder.
    """
    if node is None:
        node = _COMMAND_NODES + secrets.randbelow(_COMMAND_NODES)
    async with contextlib.AsyncExitStack() as closing:
        db = RecordingDatabase(await open_database(config.folder, config.database))
        closing.push_async_callback(db.close)
        keys = Secrets(config.folder / "secrets")
        if db.engine == "postgres":
            await fingerprint.verify(db, keys)
        ids = await ids_for(db, now_ms, node)
        notify = notify or Notify(config.folder)
        closing.callback(notify.close)
        source = ldap.source_of(config.ldap)
        outside = None if source is None else ldap.Ldap(source)
        if outside is not None:
            closing.callback(outside.close)
        directory = Directory(
            db,
            ids,
            now_ms,
            keys,
            changed=partial(notify.hint, [DIRECTORY]),
            outside=outside,
        )
        closing.callback(directory.close)
        disk = Disk(config.folder, config.limits.disk_reserve, now_ms)
        blobs = BlobStore(config.folder, db.engine, ids, disk=disk)
        store = Store(
            db,
            blobs,
            ids,
            now_ms,
            notify,
            directory.quota_of,
            keeps_expunged=config.limits.undelete_days > 0,
        )
        store.learns = config.spam.enabled
        yield Office(
            config=config,
            db=db,
            directory=directory,
            store=store,
            blobs=blobs,
            notify=notify,
            ids=ids,
            clock=now_ms,
        )
