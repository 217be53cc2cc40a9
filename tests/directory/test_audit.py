"""Rows of the audit log."""

import asyncio

from postroom.db.database import Database
from postroom.directory import audit
from postroom.directory.audit import Entry, Sought
from tests.conftest import Opener


def entry(ident: int, actor: str = "root", of: str = "bob@demo.test") -> Entry:
    return Entry(ident, ident * 10, "command", actor, "", "account.add", of, "{}")


def test_entries_are_written_once_found_and_forgotten(database: Opener) -> None:
    async def story(db: Database) -> None:
        for ident in (1, 2, 3, 2):
            await db.write(lambda tx, ident=ident: audit.add(tx, entry(ident)))  # type: ignore[misc]
        await db.write(lambda tx: audit.add(tx, entry(4, "ann", "demo.test")))

        async def found(sought: Sought, below: int = audit.NEWEST) -> list[int]:
            rows = await db.read(lambda tx: audit.newest(tx, sought, below=below, limit=3))
            return [one.id for one in rows]

        assert await found(Sought()) == [4, 3, 2]
        assert await found(Sought(), 3) == [2, 1]
        assert await found(Sought(actor="ann")) == [4]
        assert await found(Sought(object="bob@demo.test")) == [3, 2, 1]
        assert await found(Sought("root", "demo.test")) == []
        assert await found(Sought(since=3)) == [4, 3]
        assert await db.read(lambda tx: audit.count(tx, Sought("root", since=2))) == 2
        (one,) = await db.read(lambda tx: audit.newest(tx, Sought("ann"), limit=9))
        assert one == entry(4, "ann", "demo.test")
        assert await db.write(lambda tx: audit.purge(tx, 3, 1)) == 1
        assert await db.write(lambda tx: audit.purge(tx, 3)) == 1
        assert await db.write(lambda tx: audit.purge(tx, 3)) == 0
        assert await found(Sought()) == [4, 3]

    async def run() -> None:
        async with database() as db:
            await story(db)

    asyncio.run(run())
