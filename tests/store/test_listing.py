"""Pages of rows."""

import asyncio

from postroom.store import listing
from postroom.store.filing import file_letters
from postroom.store.spans import Span
from tests.conftest import Opener
from tests.store.letters import copy, write

NOW = 1_790_000_000_000


def test_pages_hold_the_columns_asked_for(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            letters = [[copy(1, size=number, message_id=number)] for number in (11, 12, 13)]
            await db.write(lambda tx: file_letters(tx, [*letters, [copy(2)]], NOW))
            rows = await db.read(lambda tx: listing.page(tx, 1, Span(2, 9)))
            assert rows == [(2, 0, "", 2, 12, NOW, 12), (3, 0, "", 2, 13, NOW, 13)]
            rows = await db.read(
                lambda tx: listing.page_with(tx, 1, 1, Span(1, 3, (1, 3)), ("envelope", "prefix"))
            )
            assert [(row[0], row[7]) for row in rows] == [(1, 11), (3, 13)]
            assert rows[0][8:] == (b"(NIL NIL)", b"Delivered-To: a@example.org\r\n")
            assert await db.read(lambda tx: listing.page_with(tx, 2, 1, Span(1, 3), ())) == []

    asyncio.run(run())


def test_matching_takes_a_condition_and_a_limit(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            letters = [[copy(1, size=number)] for number in (11, 12, 13, 14)]
            await db.write(lambda tx: file_letters(tx, letters, NOW))
            rows = await db.read(
                lambda tx: listing.matching(tx, 1, Span(1, 4), " AND e.size > 11", 2)
            )
            assert [row[0] for row in rows] == [2, 3]
            uids = await db.read(
                lambda tx: listing.matching_uids(tx, 1, Span(2, 4), " AND e.size < 14")
            )
            assert uids == [2, 3]
            rows = await db.read(
                lambda tx: listing.matching_ids(tx, 1, Span(2, 4), " AND e.size < 14", 9)
            )
            assert [row[0] for row in rows] == uids
            ids = await db.read(
                lambda tx: listing.message_ids(tx, 1, Span(2, 4), " AND e.size < 14", 9)
            )
            assert ids == sorted(row[1] for row in rows)
            few = await db.read(lambda tx: listing.message_ids(tx, 1, Span(1, 4), "", 1))
            assert len(few) == 1

    asyncio.run(run())


def test_what_has_changed(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            for number in range(1, 6):  # a MODSEQ each: 2 to 6
                letters = [[copy(1, size=number)]]
                await write(db, file_letters, letters, NOW)
            assert await db.read(lambda tx: listing.changed(tx, 1, 4, 2)) == [4, 5]
            assert await db.read(lambda tx: listing.changed(tx, 1, 3, 2)) is None
            rows = await db.read(lambda tx: listing.page(tx, 1, Span(1, 4), since=3))
            assert [(row[0], row[3]) for row in rows] == [(3, 4), (4, 5)]
            rows = await db.read(
                lambda tx: listing.page_with(tx, 1, 1, Span(1, 5), ("envelope",), since=5)
            )
            assert [row[0] for row in rows] == [5]
            spans = [Span(1, 2), Span(4, 4)]
            assert await db.read(lambda tx: listing.highest_modseq(tx, 1, spans)) == 5
            assert await db.read(lambda tx: listing.highest_modseq(tx, 1, [])) == 0

    asyncio.run(run())
