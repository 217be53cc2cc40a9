"""Numbered SQL files, run in order: each once, each in one transaction.

The files are written in the words of SQLite; ``words`` turns them into those of
PostgreSQL. Lines between ``-- only sqlite`` (or ``-- only postgres``) and ``-- end`` are
for that engine alone. Before a database with content is changed it is copied to
``data/snapshots``. A kill at any step leaves the schema before or after one file. A new
database gets all files in one transaction: a kill leaves it without any, or whole.
"""

import contextlib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import apsw

from postroom.db.database import Engine
from postroom.db.folder import sync
from postroom.errors import Refused
from postroom.telemetry import sink
from postroom.telemetry.events import DatabaseMade, MigrationDone

SNAPSHOTS_KEPT: Final = 3
VERSIONS: Final = """
CREATE TABLE IF NOT EXISTS schema_version (
    version INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    applied INTEGER NOT NULL
) STRICT;
"""
_FOLDER: Final = Path(__file__).with_name("migrations")
_FILE: Final = re.compile(r"(\d{4})_(\w+)\.sql\Z")
_ONLY: Final = re.compile(
    r"^-- only (sqlite|postgres)\n(.*?)^-- end(?:\n|\Z)", re.MULTILINE | re.DOTALL
)
_WORDS: Final = re.compile(
    r"'(?:[^']|'')*'|\"[^\"]*\"|--[^\n]*"
    r"|\bINTEGER\b|\bBLOB\b|\bTEXT\b|\)\s*STRICT,\s*WITHOUT\s+ROWID\b|\)\s*STRICT\b"
)
_POSTGRES: Final = {"INTEGER": "BIGINT", "BLOB": "BYTEA", "TEXT": 'TEXT COLLATE "C"'}


class Migration(NamedTuple):
    """A file of ``migrations``, 0001_name.sql, and its statements."""

    number: int
    name: str
    sql: str


class Target(Protocol):
    """A database that is being migrated, and held by us alone meanwhile."""

    @property
    def engine(self) -> Engine:
        """Which words it understands."""

    def applied(self) -> dict[int, str]:
        """The numbers and names of what ran already; makes the table of them."""

    def snapshot(self, number: int) -> str:
        """Copy the content aside before ``number`` runs; where to, or ""."""

    def transaction(self) -> contextlib.AbstractContextManager[object]:
        """All that is applied inside counts, or nothing."""

    def apply(self, migration: Migration, sql: str, now_ms: int) -> None:
        """Run it and note it."""


def available() -> list[Migration]:
    """The files of this program, in order."""
    return sorted(
        Migration(int(match[1]), match[2], file.read_text("utf-8"))
        for file in _FOLDER.iterdir()
        if (match := _FILE.fullmatch(file.name))
    )


def words(sql: str, engine: Engine) -> str:
    """The statements for one engine."""
    sql = _ONLY.sub(lambda match: match[2] if match[1] == engine else "", sql)
    if engine == "sqlite":
        return sql
    return _WORDS.sub(_postgres_word, sql)


def _postgres_word(match: re.Match[str]) -> str:
    word = match[0]
    if word.startswith(")"):
        return ")"
    return _POSTGRES.get(word, word)


def pending(migrations: Iterable[Migration], applied: dict[int, str]) -> list[Migration]:
    """What has not run yet. Raises ``Refused`` for a schema newer than this program."""
    migrations = list(migrations)
    newest = max((migration.number for migration in migrations), default=0)
    if applied and max(applied) > newest:
        raise Refused(
            f"the database has schema {max(applied)}, this program knows {newest}:"
            " it was used by a newer Postroom, install that version"
        )
    return [migration for migration in migrations if migration.number not in applied]


def migrate(target: Target, migrations: Sequence[Migration], now_ms: int) -> int:
    """Bring the schema up to date; how many files ran."""
    applied = target.applied()
    waiting = pending(migrations, applied)
    if not waiting:
        return 0
    if not applied:
        with target.transaction():
            for migration in waiting:
                target.apply(migration, words(migration.sql, target.engine), now_ms)
        sink.emit(DatabaseMade(version=waiting[-1].number))
        return len(waiting)
    snapshot = target.snapshot(waiting[0].number)
    for migration in waiting:
        with target.transaction():
            target.apply(migration, words(migration.sql, target.engine), now_ms)
        done = MigrationDone(version=migration.number, name=migration.name, snapshot=snapshot)
        sink.emit(done)
    return len(waiting)


class SqliteTarget:
    """``Target`` on SQLite. The caller holds ``write.lock``."""

    def __init__(self, connection: apsw.Connection, data: Path) -> None:
        self._connection = connection
        self._folder = data / "snapshots"

    @property
    def engine(self) -> Engine:
        return "sqlite"

    def applied(self) -> dict[int, str]:
        self._connection.execute(VERSIONS)
        return dict(self._connection.execute("SELECT version, name FROM schema_version"))

    def snapshot(self, number: int) -> str:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        final = self._folder / f"before-{number:04d}.sqlite"
        part = final.with_suffix(".part")
        part.unlink(missing_ok=True)
        fd = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            self._connection.execute("VACUUM INTO ?", (str(part),))
            os.fsync(fd)
        finally:
            os.close(fd)
        part.replace(final)
        sync(self._folder)
        for old in sorted(self._folder.glob("before-*.sqlite"))[:-SNAPSHOTS_KEPT]:
            old.unlink()
        return str(final)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                with contextlib.suppress(apsw.Error):
                    connection.execute("ROLLBACK")
            raise

    def apply(self, migration: Migration, sql: str, now_ms: int) -> None:
        self._connection.execute(sql).fetchall()  # a row would stop it at its statement
        self._connection.execute(
            "INSERT INTO schema_version VALUES (?, ?, ?)",
            (migration.number, migration.name, now_ms),
        )
