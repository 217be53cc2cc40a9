"""One apsw connection, opened one way, and the transaction object over it."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import apsw

from postroom.db.database import ConstraintFailed, Engine, Row, StatementRefused
from postroom.errors import StorageFailed, StorageFull

PAGE: Final = 4096
BUSY_MS: Final = 30_000  # somebody else's tool may hold the database that long
_WRITER_CACHE_KIB: Final = 16 * 1024
_READER_CACHE_KIB: Final = 4 * 1024
WAL_KEPT: Final = 64 * 1024 * 1024  # octets, when it begins anew
_STATEMENTS: Final = 256

# After these nothing is written before the database was checked.
BROKEN: Final = (apsw.IOError, apsw.CorruptError, apsw.NotADBError)

_OURS: Final = (
    apsw.SQLError,
    apsw.MismatchError,
    apsw.RangeError,
    apsw.BindingsError,
    apsw.TooBigError,
    apsw.MisuseError,
)


def open_connection(path: Path, *, writes: bool, vfs: str | None = None) -> apsw.Connection:
    """Open the database as a writer or a reader. The file must be there."""
    flags = apsw.SQLITE_OPEN_READWRITE
    connection = apsw.Connection(str(path), flags=flags, vfs=vfs, statementcachesize=_STATEMENTS)
    connection.set_busy_timeout(BUSY_MS)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA temp_store = MEMORY")
    if writes:
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_KEPT}")
        connection.execute(f"PRAGMA cache_size = -{_WRITER_CACHE_KIB}")
    else:
        connection.execute("PRAGMA query_only = ON")
        connection.execute(f"PRAGMA cache_size = -{_READER_CACHE_KIB}")
    return connection


def translated(error: apsw.Error) -> Exception:
    """The exception of ours that says what a state package must know."""
    if isinstance(error, apsw.ConstraintError):
        if getattr(error, "extendedresult", 0) == apsw.SQLITE_CONSTRAINT_DATATYPE:
            return StatementRefused(str(error))
        return ConstraintFailed(str(error))
    if isinstance(error, _OURS):
        return StatementRefused(str(error))
    if isinstance(error, apsw.FullError):
        return StorageFull(detail=str(error))
    if isinstance(error, apsw.ReadOnlyError):
        return StatementRefused(str(error))
    return StorageFailed(detail=f"{type(error).__name__}: {error}")


class SqliteTx:
    """``Tx`` on SQLite. ``trouble`` is the last error of the disk, even if ``fn`` hid it."""

    __slots__ = ("_connection", "trouble")

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self.trouble: apsw.Error | None = None

    @property
    def engine(self) -> Engine:
        return "sqlite"

    def all(self, sql: str, /, **parameters: object) -> list[Row]:
        try:
            return self._connection.execute(sql, parameters).fetchall()
        except apsw.Error as error:
            raise self._failed(error) from error

    def one(self, sql: str, /, **parameters: object) -> Row | None:
        try:
            return self._connection.execute(sql, parameters).fetchone()
        except apsw.Error as error:
            raise self._failed(error) from error

    def execute(self, sql: str, /, **parameters: object) -> int:
        connection = self._connection
        before = connection.total_changes()
        try:
            connection.execute(sql, parameters)
        except apsw.Error as error:
            raise self._failed(error) from error
        return connection.changes() if connection.total_changes() != before else 0

    def many(self, sql: str, rows: Iterable[Sequence[object]], /) -> None:
        try:
            self._connection.executemany(sql, rows)
        except apsw.Error as error:
            raise self._failed(error) from error

    def _failed(self, error: apsw.Error) -> Exception:
        if isinstance(error, (*BROKEN, apsw.FullError, apsw.NoMemError)):
            self.trouble = error
        return translated(error)
