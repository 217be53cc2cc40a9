"""What waits to be learned."""

import asyncio
from pathlib import Path

import pytest

from postroom.policy import lessons
from postroom.store.spans import Span
from postroom.store.store import Store
from tests.access.shop import put, shop
from tests.conftest import Opener

LETTER = b"Subject: x\r\n\r\nbody\r\n"
ALL = Span(1, 10_000)


async def wait(store: Store, span: Span = ALL, *, is_spam: bool = True, now: int = 1) -> int:
    return await store.write(lessons.wait, 1, span, now, is_spam=is_spam)


def test_messages_wait_until_they_are_done(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *[LETTER] * 3)
            assert await wait(store, Span(2, 3)) == 2
            found = await store.read(lessons.waiting)
            assert [one.is_spam for one in found] == [True, True]
            await store.write(lessons.done, found[0])
            assert await store.read(lessons.waiting) == found[1:]
            assert await store.read(lessons.count) == 1
            assert await store.read(lessons.count, [2]) == 0

    asyncio.run(run())


def test_the_later_opinion_counts(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, LETTER)
            await wait(store)
            (before,) = await store.read(lessons.waiting)
            await wait(store, is_spam=False, now=2)
            await store.write(lessons.done, before)  # while it was being learned
            (after,) = await store.read(lessons.waiting)
            assert (after.is_spam, after.asked) == (False, 2)

    asyncio.run(run())


def test_a_whole_archive_is_bounded_to_the_newest(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *[LETTER] * 9)
            monkeypatch.setattr(lessons, "MOST", 4)
            assert await wait(store) == 4
            rows = await store.read(
                lambda tx: tx.all(
                    "SELECT e.uid FROM entry AS e JOIN spam_waiting AS w"
                    " ON w.message_id = e.message_id ORDER BY e.uid"
                )
            )
            assert [row[0] for row in rows] == [6, 7, 8, 9]

    asyncio.run(run())


def test_two_entries_of_one_message_wait_once(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, LETTER, LETTER)
            await store.write(
                lambda tx: tx.execute(
                    "UPDATE entry SET message_id = (SELECT min(message_id) FROM entry)"
                )
            )
            assert await wait(store) == 1

    asyncio.run(run())


def test_what_waits_of_messages_that_are_gone(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, LETTER, LETTER)
            await wait(store)
            await store.expunge(1, 1, Span(1, 1), flagged=False)
            assert len(await store.read(lessons.waiting)) == 1
            assert await store.write(lessons.drop_orphans) == 1
            assert await store.read(lessons.count) == 1

    asyncio.run(run())
