"""What a session is told next, in pages, with marks that lose nothing."""

import asyncio

import pytest

from postroom.db.database import Database
from postroom.store import entries, news, removal, vanished
from postroom.store.entries import FlagChange
from postroom.store.filing import file_letters
from postroom.store.flags import FLAGGED, SEEN
from postroom.store.news import Marks, News
from postroom.store.spans import Span
from tests.conftest import Opener
from tests.store.letters import copy, read, write

NOW = 1_790_000_000_000


async def fill(db: Database, letters: int) -> None:
    await db.write(lambda tx: file_letters(tx, [[copy(1)] for _ in range(letters)], NOW))


async def look(db: Database, marks: Marks, *, expunges: bool = True) -> News:
    return await read(db, news.look, 1, 1, marks, expunges=expunges)


async def flag(db: Database, first: int, last: int, bits: int = FLAGGED) -> int:
    span, change = Span(first, last), FlagChange("add", bits)
    return (await write(db, entries.update_flags, 1, 1, span, change)).modseq


def test_what_came_and_changed(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await fill(db, 2)
            marks = (await look(db, Marks(0, 0))).marks
            nothing = await look(db, marks)
            assert (nothing.changed, nothing.vanished, nothing.marks) == ([], [], marks)
            await flag(db, 2, 2)
            await fill(db, 1)
            found = await look(db, marks)
            assert [row[:2] for row in found.changed] == [(2, FLAGGED), (3, 0)]
            assert (found.uidnext, found.has_more) == (4, False)
            assert found.marks.seen == found.marks.complete == marks.seen + 2
            assert (await read(db, news.look, 2, 1, marks, expunges=True)).is_gone

    asyncio.run(run())


def test_many_come_in_pages_and_none_is_lost(
    database: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(news, "PAGE", 3)

    async def run() -> None:
        async with database() as db:
            await fill(db, 10)
            marks = Marks(0, 0)
            told: list[int] = []
            found = await look(db, marks)
            told += [row[0] for row in found.changed]
            assert (told, found.has_more, found.marks.seen) == ([1, 2, 3], True, 0)
            late = await flag(db, 2, 5)  # 2 and 3 were told already
            await fill(db, 1)
            while found.has_more:
                found = await look(db, found.marks)
                told += [row[0] for row in found.changed]
            assert told == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 2, 3, 4, 5, 11]
            assert found.marks == Marks(late + 1, late + 1)

    asyncio.run(run())


def test_expunges_wait_and_are_known_to_wait(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await fill(db, 3)
            begun = (await look(db, Marks(0, 0))).marks
            gone = await _expunge(db, 2)
            after = await flag(db, 1, 1)
            found = await look(db, begun, expunges=False)
            assert [row[0] for row in found.changed] == [1]
            marks = found.marks
            assert (marks.seen, marks.withheld, marks.complete) == (after, gone, gone - 1)
            assert (await look(db, marks, expunges=False)).marks == marks
            found = await look(db, marks)
            assert (found.vanished, found.changed) == ([(2, gone)], [])
            assert found.marks == Marks(after, after)
            # without an expunge nothing is withheld
            later = await flag(db, 1, 1, SEEN)
            assert (await look(db, found.marks, expunges=False)).marks == Marks(later, later)

    asyncio.run(run())


def test_many_expunges_come_in_pages(database: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vanished, "PAGE", 2)

    async def run() -> None:
        async with database() as db:
            await fill(db, 6)
            found = await look(db, (await look(db, Marks(0, 0))).marks)
            for uid in (5, 3, 4, 6):
                await _expunge(db, uid)
            found = await look(db, found.marks)
            told = [row[0] for row in found.vanished]
            assert (told, found.has_more) == ([3, 4], True)
            await _expunge(db, 1)
            while found.has_more:
                found = await look(db, found.marks)
                told += [row[0] for row in found.vanished]
            assert sorted(set(told)) == [1, 3, 4, 5, 6]
            assert found.marks.gone == found.marks.seen == found.marks.complete

    asyncio.run(run())


def test_who_comes_too_late_is_told_to_compare(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await fill(db, 3)
            begun = (await look(db, Marks(0, 0))).marks
            gone = await _expunge(db, 2)
            after = await flag(db, 3, 3)
            await write(db, vanished.forget, 1, gone)
            found = await look(db, begun, expunges=False)
            assert found.marks.complete == begun.gone
            found = await look(db, begun)
            assert (found.is_lost, found.has_more, found.changed) == (True, True, [])
            found = await look(db, found.marks)
            assert (found.is_lost, [row[0] for row in found.changed]) == (False, [3])
            assert found.marks == Marks(after, after)

    asyncio.run(run())


async def _expunge(db: Database, uid: int) -> int:
    """Without blobs: the entry goes, as ``removal.expunge`` does it."""
    modseq = await write(db, entries.next_modseq, 1, 1)
    await write(db, removal.remove_entries, 1, 1, f"uid = {uid}", modseq)
    return modseq
