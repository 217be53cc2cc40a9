"""What is SQLite's own beside ``test_database``: faults under readers, threads, hidden parts."""

import asyncio
import threading
from pathlib import Path

import pytest

from postroom.db.connection import PAGE
from postroom.db.database import Tx
from postroom.db.folder import DATABASE
from postroom.db.open import open_database
from postroom.db.sqlite import SqliteDatabase
from postroom.errors import StorageFailed


def test_threads_end_with_the_database(data: Path) -> None:
    async def go() -> None:
        before = set(threading.enumerate())
        db = await open_database(data, readers=3)
        names = {thread.name for thread in set(threading.enumerate()) - before}
        assert {"writer", "checkpoint", "reader-0", "reader-1", "reader-2"} <= names
        await db.close()
        left = {thread.name for thread in set(threading.enumerate()) - before}
        assert not left & {"writer", "checkpoint", "reader-0", "reader-1", "reader-2"}

    asyncio.run(go())


def test_at_most_so_many_reads_at_once(data: Path) -> None:
    inside: set[int] = set()
    most: list[int] = []
    lock = threading.Lock()

    def read(tx: Tx) -> None:
        with lock:
            inside.add(threading.get_ident())
            most.append(len(inside))
        tx.all("SELECT * FROM message")
        with lock:
            inside.discard(threading.get_ident())

    async def go() -> None:
        db = await open_database(data, readers=2)
        await asyncio.gather(*[db.read(read) for _ in range(100)])
        await db.close()

    asyncio.run(go())
    assert max(most) <= 2


def test_no_read_transaction_is_left_open(data: Path) -> None:
    """A read that raises must not hold its snapshot, or the WAL would never shrink."""

    def bad(tx: Tx) -> None:
        tx.all("SELECT * FROM message")
        raise LookupError

    async def go() -> None:
        db = await open_database(data, readers=1)
        with pytest.raises(LookupError):
            await db.read(bad)
        sql = "INSERT INTO version (name, value) VALUES ('x', 1)"
        await db.write(lambda tx: tx.execute(sql))
        assert await db.read(lambda tx: tx.one("SELECT value FROM version WHERE name = 'x'")) == (
            1,
        )
        await db.close()

    asyncio.run(go())


def test_damage_is_a_failure_of_storage_and_the_rest_is_served(data: Path) -> None:
    """Threats F7: never silently empty, no write on top of damage."""

    async def go() -> None:
        db = await open_database(data)
        root = await db.read(
            lambda tx: tx.one("SELECT rootpage FROM sqlite_schema WHERE name = 'message'")
        )
        assert root is not None
        await db.close()
        with (data / DATABASE).open("r+b") as file:
            file.seek((root[0] - 1) * PAGE)
            file.write(b"\xff" * PAGE)
        db = SqliteDatabase(data / DATABASE, readers=1)
        for _ in range(2):
            with pytest.raises(StorageFailed):
                await db.read(lambda tx: tx.all("SELECT * FROM message"))
            assert await db.read(lambda tx: tx.one("SELECT count(*) FROM blob")) == (0,)
        for sql in ("DELETE FROM message", "DELETE FROM version"):
            with pytest.raises(StorageFailed):
                await db.write(lambda tx, sql=sql: tx.execute(sql))  # type: ignore[misc]
        assert await db.read(lambda tx: tx.one("SELECT count(*) FROM version")) == (1,)
        await db.close()

    asyncio.run(go())
