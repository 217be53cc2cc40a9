"""The files of a copy of a PostgreSQL database (``db.dump``): what they hold, whether they are whole.

A folder: every table as ``COPY .. (FORMAT binary)`` writes it, and ``tables.json`` with their
columns and numbers of rows. Nothing here needs PostgreSQL.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from postroom.errors import Refused

TABLES: Final = "tables.json"
BLOCK: Final = 1 << 20
_SIGNATURE: Final = b"PGCOPY\n\xff\r\n\0"
_END: Final = b"\xff\xff"


class Table(msgspec.Struct, frozen=True):
    """A table in its own file."""

    name: str
    columns: tuple[str, ...]
    rows: int

    @property
    def file(self) -> str:
        """The name of its file."""
        return f"{self.name}.copy"


class Tables(msgspec.Struct, frozen=True):
    """What a copy holds; ``schema`` is the version of the schema."""

    schema: int
    tables: tuple[Table, ...]


def read(folder: Path) -> Tables:
    """What a copy says of itself. Raises Refused."""
    path = folder / TABLES
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Tables)
    except (OSError, msgspec.DecodeError) as error:
        raise Refused(f"{path} can't be read: {error}") from error
    for one in found.tables:
        if not one.name.isidentifier():
            raise Refused(f"{path} names {one.name!r}, which is no table")
    return found


def faults(folder: Path) -> list[str]:
    """What is wrong with the files of a copy; nothing when all is well."""
    try:
        tables = read(folder).tables
    except Refused as error:
        return [str(error)]
    return [f"{one.file} {fault}" for one in tables if (fault := _fault(folder / one.file))]


@contextlib.contextmanager
def created(path: Path) -> Iterator[BinaryIO]:
    """A new file that only its owner can read; durable at the end."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(fd, "wb", buffering=BLOCK) as stream:
        yield stream
        stream.flush()
        os.fsync(stream.fileno())


def _fault(path: Path) -> str:
    """Whether the file is one of COPY, and has its end."""
    try:
        with path.open("rb") as stream:
            begin = stream.read(len(_SIGNATURE))
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - len(_END)))
            end = stream.read()
    except OSError as error:
        return f"can't be read: {error.strerror}"
    return "" if (begin, end) == (_SIGNATURE, _END) else "is no whole copy of a table"
