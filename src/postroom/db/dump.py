"""Whole copies of a PostgreSQL database while it is in use, and the way back into an empty one.

All of a copy (``db.tables``) is read in one REPEATABLE READ transaction: it is the state of one
moment, however long the copying takes, and writers are not kept waiting. What is read goes from the
network into the file, block by block.

The way back is one transaction too: the database holds everything, or nothing. Tables are filled
in the order in which they refer to each other.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec
import psycopg
from psycopg import sql

from postroom.db.database import Row
from postroom.db.migrate import available, migrate
from postroom.db.postgres import MIGRATING, READ, PostgresTarget, connect, translated, verify
from postroom.db.tables import BLOCK, TABLES, Table, Tables, created, read
from postroom.errors import Refused

_VERSIONS: Final = "schema_version"
_HOLDING: Final = ("domain", "account", "blob", "queued", "ledger")
"""A database with a row in one of these is somebody's."""

Progress = Callable[[int, int], None]
Connection = psycopg.Connection[Row]


def take(url: str, folder: Path, progress: Progress) -> None:
    """Copy a database into a new folder, durably; ``progress`` gets tables done and in all.

    Blocks: for a thread. Raises StorageFailed, Refused, OSError.
    """
    folder.mkdir(mode=0o700)
    with _connected(url) as connection:
        connection.execute(READ)
        found = [one for one in _tables(connection) if one.name != _VERSIONS]
        row = connection.execute(b"SELECT max(version) FROM schema_version").fetchone()
        written = []
        for done, table in enumerate(found):
            progress(done, len(found))
            written.append(_copied(connection, table, folder / table.file))
        connection.execute(b"COMMIT")
    listing = Tables(int(row[0]) if row else 0, tuple(written))
    with created(folder / TABLES) as stream:
        stream.write(msgspec.json.format(msgspec.json.encode(listing), indent=1))
    progress(len(found), len(found))


def bring_back(url: str, folder: Path, now: int, progress: Progress) -> None:
    """Fill a database that is empty; it gets the schema of the copy. Blocks: for a thread.

    Raises Refused, also for a database that holds something; StorageFailed, OSError.
    """
    copy = read(folder)
    with _connected(url) as connection:
        verify(connection)
        connection.execute(b"SELECT pg_advisory_lock(%s)", (MIGRATING,))
        _make_schema(connection, copy.schema, now)
        with connection.transaction():
            there = {one.name: one for one in _tables(connection)}
            _refuse_holding(connection, [one for one in _HOLDING if one in there])
            tables = _ordered(connection, copy.tables)
            if unknown := [one.name for one in tables if one.name not in there]:
                raise Refused(f"{folder} holds a table {unknown[0]}, which this schema has not")
            names = [sql.Identifier(one) for one in there if one != _VERSIONS]
            connection.execute(sql.SQL("TRUNCATE {}").format(sql.SQL(", ").join(names)))
            for done, table in enumerate(tables):
                progress(done, len(tables))
                _fill(connection, table, folder / table.file)
    progress(len(tables), len(tables))


def _make_schema(connection: Connection, schema: int, now: int) -> None:
    """The schema that the copy had: what has come since then is done to its rows later."""
    target = PostgresTarget(connection)
    applied = target.applied()
    if applied and max(applied) != schema:
        raise Refused(
            f"the database has schema {max(applied)} already, and the backup {schema}: drop the"
            " database, make it anew, and restore before anything else is run"
        )
    migrate(target, [one for one in available() if one.number <= schema], now)


def _refuse_holding(connection: Connection, names: Sequence[str]) -> None:
    for name in names:
        query = sql.SQL("SELECT 1 FROM {} LIMIT 1").format(sql.Identifier(name))
        if connection.execute(query).fetchone() is not None:
            raise Refused(
                f"the database is not empty (its table {name} has rows), and nothing is"
                " overwritten: name an empty one in the settings"
            )


def _tables(connection: Connection) -> list[Table]:
    rows = connection.execute(
        b"SELECT c.relname, array_agg(a.attname::text ORDER BY a.attnum)"
        b" FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        b" WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace"
        b" AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''"
        b" GROUP BY c.relname ORDER BY c.relname"
    ).fetchall()
    return [Table(name, tuple(columns), 0) for name, columns in rows]


def _ordered(connection: Connection, tables: Sequence[Table]) -> list[Table]:
    """Each after those that it refers to."""
    rows = connection.execute(
        b"SELECT c.conrelid::regclass::text, c.confrelid::regclass::text FROM pg_constraint c"
        b" WHERE c.contype = 'f' AND c.connamespace = current_schema()::regnamespace"
        b" AND c.conrelid <> c.confrelid"
    ).fetchall()
    left = {one.name: one for one in tables}
    found: list[Table] = []
    while left:
        waiting = {child for child, parent in rows if child in left and parent in left}
        ready = [one for name, one in left.items() if name not in waiting]
        if not ready:
            raise Refused(f"tables refer to each other in a circle: {', '.join(sorted(waiting))}")
        found += ready
        for one in ready:
            del left[one.name]
    return found


def _copied(connection: Connection, table: Table, path: Path) -> Table:
    with created(path) as stream, connection.cursor() as cursor:
        with cursor.copy(_statement("COPY {} ({}) TO STDOUT (FORMAT binary)", table)) as copy:
            for block in copy:
                stream.write(block)
        return msgspec.structs.replace(table, rows=cursor.rowcount)


def _fill(connection: Connection, table: Table, path: Path) -> None:
    with path.open("rb") as stream, connection.cursor() as cursor:
        with cursor.copy(_statement("COPY {} ({}) FROM STDIN (FORMAT binary)", table)) as copy:
            while block := stream.read(BLOCK):
                copy.write(block)
        if cursor.rowcount != table.rows:
            raise Refused(
                f"{path} holds {cursor.rowcount} rows of {table.rows}: this backup can't be restored"
            )


def _statement(text: str, table: Table) -> sql.Composed:
    columns = sql.SQL(", ").join([sql.Identifier(one) for one in table.columns])
    return sql.SQL(text).format(sql.Identifier(table.name), columns)


@contextlib.contextmanager
def _connected(url: str) -> Iterator[Connection]:
    try:
        with contextlib.closing(connect(url)) as connection:
            yield connection
    except psycopg.Error as error:
        raise translated(error) from error
