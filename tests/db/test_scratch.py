"""A database to try things in: the schema, rows of others, and nothing that lasts."""

import asyncio
from collections.abc import Sequence

import pytest

from postroom.db import scratch
from postroom.db.database import ConstraintFailed, Row, Tx
from postroom.db.scratch import PAGE, Scratch
from tests.conftest import Opener

ROWS = [(f"{number:05}.test", number) for number in range(PAGE + 3)]


def kept(tx: Tx) -> list[Row]:
    return tx.all("SELECT name, created FROM backup_domain ORDER BY name")


def test_rows_of_a_table_come_over_page_by_page(database: Opener) -> None:
    async def story() -> None:
        made = Scratch()
        columns, key = made.columns("backup_domain")
        assert (columns, key) == (["name", "created"], ["name"])
        assert made.columns("relay_use")[1] == ["kind", "key"]
        async with database() as db:
            await db.write(lambda tx: tx.many("INSERT INTO backup_domain VALUES (?, ?)", ROWS))
            after: Sequence[object] = ()
            sizes = []
            while True:
                rows = await db.read(
                    lambda tx, after=after: scratch.page(tx, "backup_domain", columns, key, after)  # type: ignore[misc]
                )
                made.load("backup_domain", rows)
                sizes.append(len(rows))
                if len(rows) < PAGE:
                    break
                after = rows[-1][:1]
        assert sizes == [PAGE, 3]
        assert await made.read(kept) == ROWS
        await made.close()

    asyncio.run(story())


def test_a_write_that_fails_leaves_nothing() -> None:
    async def story() -> None:
        made = Scratch()
        made.load("backup_domain", ROWS[:1])
        made.begin()

        def fails(tx: Tx) -> None:
            tx.execute("DELETE FROM backup_domain")
            tx.execute("INSERT INTO relay_use VALUES ('default', '', 77)")

        with pytest.raises(ConstraintFailed):
            await made.write(fails)
        assert await made.read(kept) == ROWS[:1]

        def batch(tx: Tx, items: Sequence[int]) -> list[int | Exception]:
            tx.execute("DELETE FROM backup_domain")
            return [ValueError("bad") if item else item for item in items]

        with pytest.raises(ValueError, match="bad"):
            await made.submit(batch, 1)
        assert await made.submit(batch, 0) == 0
        assert await made.read(kept) == []
        assert made.engine == "sqlite"
        await made.close()

    asyncio.run(story())
