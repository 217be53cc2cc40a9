"""How SQLite looks for messages with a flag: by the index of that flag alone."""

import asyncio
from typing import Any

from postroom.db.database import Engine, Row, Tx
from postroom.store import entries, mailboxes, removal
from postroom.store.filing import file_letters
from postroom.store.spans import Span
from tests.conftest import Opener
from tests.store.letters import copy


class Planned:
    """A transaction that notes how each query finds its rows of ``entry``."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self.steps: list[str] = []

    @property
    def engine(self) -> Engine:
        return self._tx.engine

    def all(self, sql: str, /, **parameters: object) -> list[Row]:
        if self.engine == "sqlite":
            plan = self._tx.all(f"EXPLAIN QUERY PLAN {sql}", **parameters)
            self.steps += [row[3] for row in plan if row[3].split()[1] in {"entry", "e"}]
        return self._tx.all(sql, **parameters)

    def one(self, sql: str, /, **parameters: object) -> Row | None:
        return next(iter(self.all(sql, **parameters)), None)

    def execute(self, sql: str, /, **parameters: object) -> int:
        return self._tx.execute(sql, **parameters)

    def many(self, sql: str, rows: Any, /) -> None:
        self._tx.many(sql, rows)


def test_flags_are_found_by_their_index(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await db.write(lambda tx: file_letters(tx, [[copy(1)] for _ in range(3)], 1))

            def look(tx: Tx) -> list[str]:
                planned = Planned(tx)
                entries.opening(planned, 1, 1)
                mailboxes.counts(planned, 1, "INBOX")
                mailboxes.counts_among(planned, [1])
                removal.next_chunk(planned, 1, Span(1, 1000), flagged=True)
                return planned.steps

            steps = await db.read(look)
            if db.engine == "sqlite":
                assert sum("COVERING INDEX entry_unseen" in step for step in steps) == 3
                assert sum("COVERING INDEX entry_deleted" in step for step in steps) == 5

    asyncio.run(run())
