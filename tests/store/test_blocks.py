"""Blocks name where something has changed: never too little, and no more than they must."""

import asyncio
from contextlib import closing
from pathlib import Path

import pytest

from postroom.db.connection import open_connection
from postroom.db.database import Database
from postroom.db.folder import DATABASE
from postroom.db.migrate import SqliteTarget, available, migrate
from postroom.store import blocks, entries, listing, removal, seen
from postroom.store.entries import FlagChange
from postroom.store.filing import file_letters
from postroom.store.flags import FLAGGED, SEEN
from postroom.store.spans import Span
from tests.access.shop import audit, put, shop
from tests.conftest import Opener
from tests.store.letters import copy, query, read, write

NOW = 1_790_000_000_000
SIZE = blocks.SIZE
ROWS = "SELECT block, modseq FROM entry_block WHERE mailbox_id = 1 ORDER BY block"


async def fill(db: Database, letters: int) -> None:
    await db.write(lambda tx: file_letters(tx, [[copy(1)] for _ in range(letters)], NOW))


async def flag(db: Database, span: Span, bits: int = FLAGGED, member: int | None = None) -> int:
    change = FlagChange("add", bits)
    done = await write(db, entries.update_flags, 1, 1, span, change, member=member)
    return done.modseq


async def changed(db: Database, since: int, member: int | None = None) -> list[int] | None:
    return await read(db, listing.changed, 1, since, 10_000, member)


def test_only_the_blocks_that_changed_rise(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await fill(db, 2 * SIZE)
            start: int = (await read(db, query, ROWS))[0][1]
            assert await read(db, query, ROWS) == [(0, start), (1, start), (2, start)]
            one = await flag(db, Span(5, 5))
            assert await read(db, query, ROWS) == [(0, one), (1, start), (2, start)]
            assert await changed(db, start) == [5]
            edge = await flag(db, Span(SIZE - 1, SIZE))
            assert await read(db, query, ROWS) == [(0, edge), (1, edge), (2, start)]
            assert await changed(db, one) == [SIZE - 1, SIZE]
            assert await changed(db, start) == [5, SIZE - 1, SIZE]
            listed = await flag(db, Span(7, 2 * SIZE, (7, 2 * SIZE)))
            assert await read(db, query, ROWS) == [(0, listed), (1, edge), (2, listed)]
            assert await flag(db, Span(5, 7)) == listed + 1  # UID 6 alone has become different
            assert await flag(db, Span(5, 7)) == 0
            rest = await flag(db, Span(1, 2 * SIZE), SEEN)
            assert await changed(db, rest - 1) == list(range(1, 2 * SIZE + 1))
            few = await flag(db, Span(1, SIZE), FLAGGED)
            assert await read(db, query, ROWS) == [(0, few), (1, rest), (2, rest)]

    asyncio.run(run())


def test_what_comes_and_goes(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *[b"A: 1\r\n\r\n"] * (SIZE + 1))
            assert [row[0] for row in await store.read(query, ROWS)] == [0, 1]
            await store.expunge(1, 1, Span(SIZE, SIZE), flagged=False)
            assert [row[0] for row in await store.read(query, ROWS)] == [0, 1]
            await store.expunge(1, 1, Span(SIZE + 1, SIZE + 1), flagged=False)
            assert [row[0] for row in await store.read(query, ROWS)] == [0]
            await put(store, b"B: 2\r\n\r\n")
            assert [row[0] for row in await store.read(query, ROWS)] == [0, 1]
            await audit(store)
            await store.write(removal.empty, store.blobs, 1, 1, NOW)
            assert await store.read(query, ROWS) == []

    asyncio.run(run())


def test_what_a_member_has_seen_is_a_change_for_the_member_alone(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await fill(db, SIZE)
            since: int = (await read(db, query, ROWS))[0][1]
            await flag(db, Span(3, 3), SEEN, member=7)
            assert (await changed(db, since, 7), await changed(db, since)) == ([3], [])
            assert await changed(db, since, 8) == []
            await db.write(lambda tx: tx.execute("UPDATE entry_block SET modseq = :it", it=since))
            assert await changed(db, since, 7) == []
            assert await db.read(lambda tx: blocks.wrong(tx, 0, 1)) == {1}
            await db.write(lambda tx: blocks.recount(tx, 1))
            assert await changed(db, since, 7) == [3]
            assert await db.read(lambda tx: blocks.wrong(tx, 0, 1)) == set()

    asyncio.run(run())


@pytest.mark.parametrize("member", [None, 7])
def test_only_the_blocks_named_are_read(database: Opener, member: int | None) -> None:
    async def run() -> None:
        async with database() as db:
            text = f"EXPLAIN QUERY PLAN SELECT e.uid {blocks.changed(seen.rows(member))}"
            if db.engine == "sqlite":
                plan = await db.read(
                    lambda tx: tx.all(f"{text} {blocks.ORDER}", mailbox=1, since=3, after=0)
                )
                told = [row[3] for row in plan]
                assert "SEARCH k" in told[0]
                assert "(mailbox_id=? AND uid>? AND uid<?)" in told[1]
                assert not any("SCAN" in step or "TEMP" in step for step in told)

    asyncio.run(run())


def test_mail_from_before_has_blocks_too(data: Path) -> None:
    files = available()
    before = next(at for at, one in enumerate(files) if one.name == "entry_blocks")
    (data / DATABASE).touch()
    with closing(open_connection(data / DATABASE, writes=True)) as connection:
        target = SqliteTarget(connection, data)
        migrate(target, files[:before], NOW)
        connection.execute(
            "INSERT INTO mailbox (account_id, id, name, uidvalidity, uidnext, highestmodseq,"
            " messages, octets, recent_uid, created) VALUES (1, 1, 'INBOX', 1, 2000, 99, 2, 2, 0, 0)"
        )
        for uid, modseq in ((511, 7), (512, 5), (513, 6), (1500, 4)):
            connection.execute(
                "INSERT INTO entry VALUES (1, 1, ?, 1, ?, 0, '', 1, 1, 1)", (uid, modseq)
            )
        connection.execute("INSERT INTO seen VALUES (1, 7, 1500, 1, 9), (1, 8, 511, 1, 3)")
        migrate(target, files, NOW)
        assert connection.execute(ROWS).fetchall() == [(0, 7), (1, 6), (2, 9)]
