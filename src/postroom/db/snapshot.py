"""Whole copies of an SQLite database while it is in use, and a look into such copies.

A copy is taken within one read transaction: it is the state of one moment, however long the
copying takes, and writers are not kept waiting. SQLite, "Online Backup API".
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import apsw

from postroom.db.connection import open_connection
from postroom.errors import Refused, StorageFailed, StorageFull

PAGES: Final = 2048  # copied at a time: 8 MiB


def take(source: Path, target: Path, progress: Callable[[int, int], None]) -> None:
    """Copy a database into a new file, durably; ``progress`` gets pages done and in all.

    Blocks: for a thread. Raises StorageFailed, StorageFull, OSError.
    """
    fd = os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    os.close(fd)
    try:
        with (
            contextlib.closing(open_connection(source, writes=False)) as reader,
            contextlib.closing(apsw.Connection(str(target))) as copy,
        ):
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM schema_version").fetchall()  # the moment
            with copy.backup("main", reader, "main") as backup:
                while not backup.done:
                    backup.step(PAGES)
                    progress(backup.page_count - backup.remaining, backup.page_count)
            reader.execute("COMMIT")
            copy.execute("PRAGMA journal_mode = DELETE").fetchall()  # one file, no log beside it
    except apsw.FullError as error:
        raise StorageFull(detail=str(error)) from error
    except apsw.Error as error:
        raise StorageFailed(detail=f"{type(error).__name__}: {error}") from error


def schema(path: Path) -> int:
    """The schema version of a copy. Raises Refused when it is no database of ours."""
    with _opened(path) as connection:
        row = connection.execute("SELECT max(version) FROM schema_version").fetchone()
    return int(row[0] or 0) if row else 0


def faults(path: Path, most: int = 20) -> list[str]:
    """What is wrong with the pages of a copy; nothing when all is well."""
    try:
        with _opened(path) as connection:
            rows = connection.execute(f"PRAGMA quick_check({most:d})").fetchall()
    except Refused as error:
        return [str(error)]
    return [str(row[0]) for row in rows if row[0] != "ok"]


def body_files(path: Path) -> Iterator[int]:
    """The ids of the blobs of a copy whose bodies are files, ascending."""
    with _opened(path) as connection:
        for row in connection.execute("SELECT id FROM blob WHERE place = 1 ORDER BY id"):
            yield int(row[0])


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[apsw.Connection]:
    """For reading, without a lock or a file beside it: nobody writes a copy."""
    name = f"file:{str(path).replace('%', '%25').replace('?', '%3f').replace('#', '%23')}"
    try:
        connection = apsw.Connection(
            f"{name}?immutable=1", flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
        )
        with contextlib.closing(connection):
            yield connection
    except apsw.Error as error:
        raise Refused(f"{path} is no database that can be read: {error}") from error
