"""Opens the database of a data folder: the one way in for server and commands."""

import asyncio
import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import apsw

from postroom.db.connection import open_connection
from postroom.db.database import Database
from postroom.db.folder import DATABASE, prepare
from postroom.db.locks import FileLock
from postroom.db.migrate import SqliteTarget, available, migrate
from postroom.db.sqlite import SqliteDatabase
from postroom.errors import Refused
from postroom.telemetry import sink
from postroom.telemetry.events import StorageTrouble

_LEAST_ROOM: Final = 65_536  # octets


def now_ms() -> int:
    """The wall clock in UTC milliseconds."""
    return time.time_ns() // 1_000_000


async def open_database(
    data: Path,
    url: str | None = None,
    *,
    readers: int = 4,
    vfs: str | None = None,
    clock: Callable[[], int] = now_ms,
) -> Database:
    """Make or check the data folder, migrate, open. Raises ``Refused``.

    ``url`` of PostgreSQL, or None for SQLite inside ``data``.
    """
    data = await asyncio.to_thread(prepare, data, _warn)
    if url is not None:
        try:
            from postroom.db.postgres import open_postgres
        except ImportError as error:
            raise Refused(
                f"PostgreSQL needs the extra: pip install 'postroom[postgres]' ({error})"
            ) from error
        return await open_postgres(url, readers=readers, clock=clock)
    path = data / DATABASE
    await asyncio.to_thread(_migrate_sqlite, path, vfs, clock)
    return SqliteDatabase(path, readers=readers, vfs=vfs)


def _warn(reason: str) -> None:
    sink.emit(StorageTrouble(where="folder", reason=reason))


def _migrate_sqlite(path: Path, vfs: str | None, clock: Callable[[], int]) -> None:
    lock = FileLock(path.parent / "write.lock")
    try:
        with lock.hold(), contextlib.closing(_connect(path, vfs)) as connection:
            if connection.readonly("main"):
                raise Refused(f"{path} can't be written: see its owner and its file system")
            migrate(SqliteTarget(connection, path.parent), available(), clock())
    except (apsw.Error, OSError) as error:
        if _is_full(path.parent):  # SQLite calls it an I/O error
            raise Refused(f"{path}: the disk is full: make room, then start again") from error
        raise Refused(
            f"{path}: the database can't be opened ({error}): run postroom doctor"
        ) from error
    finally:
        lock.close()


def _is_full(folder: Path) -> bool:
    """Less room than the shared memory of a WAL needs, or no inode for it."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize < _LEAST_ROOM or (found.f_files > 0 == found.f_favail)


def _connect(path: Path, vfs: str | None) -> apsw.Connection:
    """Make the file 0600 first: SQLite gives its WAL the same mode."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    os.close(fd)
    return open_connection(path, writes=True, vfs=vfs)
