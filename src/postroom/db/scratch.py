"""A private database that is thrown away: what would happen, tried on a copy of some tables.

It is SQLite in a temporary file, whatever the engine of the original. Everything runs in the
thread that calls, nothing is durable.
"""

from collections.abc import Callable, Sequence
from typing import Final

import apsw

from postroom.db.connection import SqliteTx
from postroom.db.database import Engine, ItemT, ResultT, Row, T, Tx
from postroom.db.migrate import available, words

PAGE: Final = 2_000  # rows that are copied at a time
_CACHE_KIB: Final = 16 * 1024
_STATEMENTS: Final = 256


class Scratch:
    """``Database`` with the present schema and no rows; ``load`` them, then call ``begin``."""

    def __init__(self) -> None:
        self._connection = apsw.Connection("", statementcachesize=_STATEMENTS)
        for setting in ("journal_mode = OFF", "synchronous = OFF", f"cache_size = -{_CACHE_KIB}"):
            self._connection.execute(f"PRAGMA {setting}").fetchall()
        for migration in available():
            self._connection.execute(words(migration.sql, "sqlite")).fetchall()
        self._connection.execute("PRAGMA journal_mode = MEMORY").fetchall()

    def columns(self, table: str) -> tuple[Sequence[str], Sequence[str]]:
        """The columns of a table, and those of its primary key in their order."""
        found = self._connection.execute(f"PRAGMA table_info({table})").fetchall()
        keys = sorted((row[5], row[1]) for row in found if row[5])
        return [str(row[1]) for row in found], [str(name) for _, name in keys]

    def load(self, table: str, rows: Sequence[Row]) -> None:
        """Take over rows with all columns of the table."""
        if rows:
            holes = ", ".join("?" * len(rows[0]))
            self._connection.executemany(f"INSERT OR REPLACE INTO {table} VALUES ({holes})", rows)

    def begin(self) -> None:
        """From now on rows refer to rows that are there."""
        self._connection.execute("PRAGMA foreign_keys = ON")

    @property
    def engine(self) -> Engine:
        return "sqlite"

    async def read(self, fn: Callable[[Tx], T]) -> T:
        return fn(SqliteTx(self._connection))

    async def write(self, fn: Callable[[Tx], T], *, bulk: bool = False) -> T:  # noqa: ARG002
        connection = self._connection
        connection.execute("SAVEPOINT one")
        try:
            result = fn(SqliteTx(connection))
        except BaseException:
            connection.execute("ROLLBACK TO one")
            raise
        finally:
            connection.execute("RELEASE one")
        return result

    async def submit(
        self,
        batch: Callable[[Tx, Sequence[ItemT]], Sequence[ResultT | Exception]],
        item: ItemT,
        *,
        size: int = 0,  # noqa: ARG002
        undo: Callable[[Tx], None] | None = None,  # noqa: ARG002
    ) -> ResultT:
        (result,) = await self.write(lambda tx: batch(tx, [item]))
        if isinstance(result, Exception):
            raise result
        return result

    async def close(self) -> None:
        self._connection.close()


def page(
    tx: Tx, table: str, columns: Sequence[str], key: Sequence[str], after: Sequence[object]
) -> list[Row]:
    """The next rows of a table by its primary key; ``after`` is the key of the last, () at first."""
    given = {f"k{place}": value for place, value in enumerate(after)}
    places = ", ".join(f":{name}" for name in given)
    where = f" WHERE ({', '.join(key)}) > ({places})" if given else ""
    return tx.all(
        f"SELECT {', '.join(columns)} FROM {table}{where} ORDER BY {', '.join(key)} LIMIT {PAGE}",
        **given,
    )
