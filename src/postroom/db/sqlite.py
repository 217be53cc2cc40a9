"""The database on SQLite: one writer thread, a few reader threads, a checkpoint thread."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path

import apsw

from postroom.db.checkpoint import Checkpointer
from postroom.db.connection import SqliteTx, open_connection, translated
from postroom.db.database import Engine, ItemT, ResultT, T, Tx
from postroom.db.jobs import Job
from postroom.db.workers import Workers
from postroom.db.writer import Writer
from postroom.errors import StorageFailed


class SqliteDatabase:
    """``Database`` over a file that ``db.open`` has made and migrated."""

    def __init__(self, path: Path, *, readers: int = 4, vfs: str | None = None) -> None:
        """Open; call it on the loop. ``vfs`` names another SQLite VFS."""
        self._loop = asyncio.get_running_loop()
        self._checkpointer = Checkpointer(path, vfs=vfs)
        try:
            self._writer = Writer(path, vfs=vfs, wal_grew=self._checkpointer.grew)
        except BaseException:
            self._checkpointer.close()
            raise
        self._readers = Workers(
            "reader",
            readers,
            lambda: _open_reader(path, vfs),
            _close_reader,
            spoils=lambda error: isinstance(error, StorageFailed),
        )

    @property
    def engine(self) -> Engine:
        return "sqlite"

    async def read(self, fn: Callable[[Tx], T]) -> T:
        def job(connection: apsw.Connection) -> T:
            return _read(connection, fn)

        return await self._readers.run(job)

    async def write(self, fn: Callable[[Tx], T], *, bulk: bool = False) -> T:
        future: asyncio.Future[T] = self._loop.create_future()
        self._writer.put(Job(future, fn=fn), bulk=bulk)
        return await future

    async def submit(
        self,
        batch: Callable[[Tx, Sequence[ItemT]], Sequence[ResultT | Exception]],
        item: ItemT,
        *,
        size: int = 0,
        undo: Callable[[Tx], None] | None = None,
    ) -> ResultT:
        future: asyncio.Future[ResultT] = self._loop.create_future()
        self._writer.put(Job(future, batch=batch, item=item, size=size, undo=undo))
        return await future

    async def close(self) -> None:
        await self._readers.close()
        await asyncio.to_thread(self._checkpointer.close)
        await self._writer.close()


def _open_reader(path: Path, vfs: str | None) -> apsw.Connection:
    try:
        return open_connection(path, writes=False, vfs=vfs)
    except apsw.Error as error:
        raise translated(error) from error


def _close_reader(connection: apsw.Connection) -> None:
    with contextlib.suppress(apsw.Error):
        connection.close()


def _read(connection: apsw.Connection, fn: Callable[[Tx], T]) -> T:
    """One snapshot for the whole of ``fn``."""
    try:
        connection.execute("BEGIN")
    except apsw.Error as error:
        raise translated(error) from error
    try:
        return fn(SqliteTx(connection))
    finally:
        if connection.in_transaction:
            with contextlib.suppress(apsw.Error):
                connection.execute("ROLLBACK")
