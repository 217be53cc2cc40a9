"""Sums in memory that are written now and then."""

import asyncio
from collections import Counter

import pytest

from postroom.db.database import Database, StatementRefused, Tx
from postroom.ledger import tally
from postroom.ledger.tally import Tally
from tests.conftest import Opener


async def made(db: Database) -> Tally[str]:
    await db.write(
        lambda tx: tx.execute("CREATE TABLE tallied (kind TEXT PRIMARY KEY, count INTEGER)")
    )
    return Tally(db, _add)


def _add(tx: Tx, counts: Counter[str]) -> None:
    tx.many(
        "INSERT INTO tallied (kind, count) VALUES (?, ?) ON CONFLICT (kind) DO UPDATE"
        " SET count = tallied.count + excluded.count",
        sorted(counts.items()),
    )


async def sums(db: Database) -> dict[str, int]:
    return dict(await db.read(lambda tx: tx.all("SELECT kind, count FROM tallied")))


def test_what_was_counted_is_added(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            counts = await made(db)
            for kind in ("a", "b", "a"):
                counts.count(kind)
            await counts.flush()
            await counts.flush()
            assert await sums(db) == {"a": 2, "b": 1}
            counts.count("a")
            await counts.flush()
            assert await sums(db) == {"a": 3, "b": 1}

    asyncio.run(run())


def test_made_up_kinds_do_not_fill_the_memory(
    database: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tally, "MOST_KINDS", 3)

    async def run() -> None:
        async with database() as db:
            counts = await made(db)
            for number in range(50):
                counts.count(f"k{number}")
            counts.count("k1")  # known: still counted
            await counts.flush()
            assert await sums(db) == {"k0": 1, "k1": 2, "k2": 1}
            counts.count("k40")  # there is room again
            await counts.flush()
            assert (await sums(db))["k40"] == 1

    asyncio.run(run())


def test_what_could_not_be_written_is_written_later(
    database: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tally, "CHUNK", 2)

    async def run() -> None:
        async with database() as db:
            counts = await made(db)
            for number in range(5):
                counts.count(f"k{number}")
            await db.write(lambda tx: tx.execute("ALTER TABLE tallied RENAME TO away"))
            with pytest.raises(StatementRefused):
                await counts.flush()
            counts.count("k0")
            await db.write(lambda tx: tx.execute("ALTER TABLE away RENAME TO tallied"))
            await counts.flush()
            assert await sums(db) == {"k0": 2, "k1": 1, "k2": 1, "k3": 1, "k4": 1}

    asyncio.run(run())
