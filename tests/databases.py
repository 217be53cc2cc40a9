"""Databases of a PostgreSQL server, each as if it had just been migrated.

Copying the template costs more than most tests do. So a database that was only filled is
emptied and lent again; one whose schema is no longer the template's is dropped.
"""

import contextlib
import itertools
import time
from collections.abc import Iterable, Iterator
from typing import Any, Final

import psycopg
from psycopg import sql

Connection = psycopg.Connection[tuple[Any, ...]]

TEMPLATE: Final = "postroom_template"
_KEPT: Final = 4
_LARGE: Final = 4 << 20  # octets: dropping it is quicker than emptying it

_USED: Final = b"""
SELECT relname, pg_table_size(oid) FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND pg_relation_size(oid) > 0
"""
_SCHEMA: Final = b"""
SELECT (SELECT string_agg(concat_ws(' ', oid, relname, relnatts, relchecks), ',' ORDER BY oid)
        FROM pg_class WHERE relnamespace = 'public'::regnamespace),
    (SELECT sum(attrelid::bigint * attnum + atttypid::bigint + attnotnull::int)
        FROM pg_attribute WHERE attrelid > 16383),
    (SELECT sum(oid::bigint) FROM pg_constraint), (SELECT sum(oid::bigint) FROM pg_trigger),
    (SELECT sum(oid::bigint) FROM pg_proc), (SELECT sum(oid::bigint) FROM pg_namespace),
    (SELECT count(*) FROM pg_db_role_setting)
"""
_END_OTHERS: Final = b"""
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_MOMENT: Final = 0.001  # seconds; the server itself, asked to wait, looks every tenth of one

_numbers = itertools.count(1)


def renamed(url: str, database: str) -> str:
    """The same server's other database."""
    return url.replace("/postgres?", f"/{database}?")


@contextlib.contextmanager
def fresh(server: str) -> Iterator[str]:
    """The URL of a migrated database of its own, of the server ``postgres``."""
    with psycopg.connect(server, autocommit=True) as connection:
        name = _create(connection)
        try:
            yield renamed(server, name)
        finally:
            _drop(connection, name)


def _create(connection: Connection) -> str:
    name = f"t{next(_numbers)}"
    command = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
    connection.execute(command.format(sql.Identifier(name), sql.Identifier(TEMPLATE)))
    return name


def _drop(connection: Connection, name: str) -> None:
    command = sql.SQL("DROP DATABASE {} WITH (FORCE)")
    connection.execute(command.format(sql.Identifier(name)))


class Pool:
    """Databases for those who have nothing running in them at the end."""

    def __init__(self, server: str) -> None:
        self._url = server
        self._server: Connection = psycopg.connect(server, autocommit=True)
        self._free: list[_Database] = []

    @contextlib.contextmanager
    def lend(self) -> Iterator[str]:
        """The URL of one that is as ``fresh`` makes it."""
        one = self._free.pop() if self._free else self._new()
        try:
            yield renamed(self._url, one.name)
        finally:
            if len(self._free) < _KEPT and one.empty():
                self._free.append(one)
            else:
                one.close()
                _drop(self._server, one.name)

    def _new(self) -> "_Database":
        name = _create(self._server)
        return _Database(name, psycopg.connect(renamed(self._url, name), autocommit=True))

    def close(self) -> None:
        for one in self._free:
            one.close()
        self._server.close()


class _Database:
    """One database, and our own connection to it."""

    def __init__(self, name: str, connection: Connection) -> None:
        self.name = name
        self._connection = connection
        connection.execute(b"SET session_replication_role = replica")  # tables in any order
        self._schema = connection.execute(_SCHEMA).fetchone()
        self._first = {table: self._rows(table) for table in self._used()}

    def empty(self) -> bool:
        """Leave what the template holds; False where the database is not worth that."""
        try:
            while self._connection.execute(_END_OTHERS).fetchone() != (0,):
                time.sleep(_MOMENT)
            if self._connection.execute(_SCHEMA).fetchone() != self._schema:
                return False
            used = self._used()
            if sum(used.values()) > _LARGE:
                return False
            self._restore(used)
        except psycopg.Error:  # our own connection is lost
            return False
        return True

    def _restore(self, used: Iterable[str]) -> None:
        changed = [table for table in used if table not in self._first]
        changed += [table for table, rows in self._first.items() if self._rows(table) != rows]
        for table in changed:
            name = sql.Identifier(table)
            self._connection.execute(sql.SQL("DELETE FROM {}").format(name))
            for row in self._first.get(table, []):
                values = sql.SQL(", ").join(map(sql.Literal, row))
                self._connection.execute(sql.SQL("INSERT INTO {} VALUES ({})").format(name, values))
        if changed:  # then rows are stored in the order in which they come, as in a new one
            names = sql.SQL(", ").join(map(sql.Identifier, changed))
            self._connection.execute(sql.SQL("VACUUM {}").format(names))

    def _used(self) -> dict[str, int]:
        """The tables that have held a row since they were last vacuumed, and their octets."""
        return dict(self._connection.execute(_USED).fetchall())

    def _rows(self, table: str) -> list[tuple[Any, ...]]:
        query = sql.SQL("SELECT * FROM {}").format(sql.Identifier(table))
        return self._connection.execute(query).fetchall()

    def close(self) -> None:
        self._connection.close()
