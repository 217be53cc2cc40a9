"""How SQLite finds what is asked for."""

from collections.abc import Collection
from typing import Any

from postroom.db.database import Engine, Row, Tx


class Planned:
    """A transaction that notes in ``steps`` how each statement finds its rows of some tables."""

    def __init__(self, tx: Tx, tables: Collection[str]) -> None:
        """``tables`` are named as the statements name them."""
        self._tx = tx
        self._tables = tables
        self.steps: list[str] = []

    @property
    def engine(self) -> Engine:
        return self._tx.engine

    def _plan(self, sql: str, parameters: dict[str, object]) -> None:
        if self.engine == "sqlite":
            plan = self._tx.all(f"EXPLAIN QUERY PLAN {sql}", **parameters)
            self.steps += [row[3] for row in plan if row[3].split()[1] in self._tables]

    def all(self, sql: str, /, **parameters: object) -> list[Row]:
        self._plan(sql, parameters)
        return self._tx.all(sql, **parameters)

    def one(self, sql: str, /, **parameters: object) -> Row | None:
        return next(iter(self.all(sql, **parameters)), None)

    def execute(self, sql: str, /, **parameters: object) -> int:
        self._plan(sql, parameters)
        return self._tx.execute(sql, **parameters)

    def many(self, sql: str, rows: Any, /) -> None:
        self._tx.many(sql, rows)
