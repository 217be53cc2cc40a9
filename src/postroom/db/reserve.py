"""Makes the file of the WAL as long as it will be, so that a commit only overwrites.

Where a file grows, every fsync writes its new size into the journal of the file system too;
over blocks that were written before it writes the data alone, in two thirds of the time.
The zeros are no frames to SQLite: the reading of a WAL ends at the first of them.
"""

import os
from pathlib import Path
from typing import Final

import apsw

STEP: Final = 1024 * 1024  # octets, for which a writer waits at most
_ROOM: Final = 16  # times the length must be free, or the disk has better use for it
_ZEROS: Final = bytes(STEP)


def reserve(connection: apsw.Connection, path: Path, length: int) -> None:
    """Let the WAL of this database have ``length`` octets.

    Nothing happens where it is as long already, or room is scarce. Raises OSError, apsw.Error;
    the WAL is whole then.
    """
    found = os.statvfs(path.parent)
    if found.f_bavail * found.f_frsize < _ROOM * length:
        return
    fd = os.open(f"{path}-wal", os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        while _grow(connection, fd, length):
            os.fdatasync(fd)
    finally:
        os.close(fd)


def _grow(connection: apsw.Connection, fd: int, length: int) -> bool:
    """A step; while it is taken nobody else can write into the WAL. False: nothing is left."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        size = os.fstat(fd).st_size
        step = min(STEP, length - size)
        if step <= 0:
            return False
        try:
            return os.pwrite(fd, _ZEROS[:step], size) > 0
        except OSError:
            os.ftruncate(fd, size)
            raise
    finally:
        connection.execute("ROLLBACK")
