"""Learning in the background."""

import asyncio
from pathlib import Path

import pytest

from postroom.policy import knowledge, lessons, teacher
from postroom.policy.knowledge import EVERYBODY
from postroom.policy.teacher import Teacher
from postroom.store.spans import Span
from postroom.store.store import Store
from tests.access.shop import put, shop
from tests.conftest import Opener
from tests.fakes import Recorder
from tests.policy.letters import HAM, SPAM, letter

LETTERS = [letter(f"{SPAM} {number}", number=number) for number in range(5)]


async def no_rest(_seconds: float) -> None:
    await asyncio.sleep(0)


def taught_by(store: Store, *, together: bool = True) -> Teacher:
    return Teacher(store.db, store.blobs, store.clock, together=together, sleep=no_rest)


async def show(store: Store, *, is_spam: bool = True) -> None:
    await store.write(lessons.wait, 1, Span(1, 1_000), store.clock(), is_spam=is_spam)


async def learned(store: Store, scope: int) -> tuple[int, int]:
    found = (await store.read(knowledge.totals, [scope])).get(scope, knowledge.NOTHING)
    return found.spam, found.ham


@pytest.mark.parametrize("together", [True, False])
def test_what_waits_is_learned_once(database: Opener, data: Path, together: bool) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *LETTERS)
            work = taught_by(store, together=together)
            assert await work.round() == 0
            for _ in range(2):
                await show(store)
                assert await work.round() == 5
                assert await learned(store, 1) == (5, 0)
                assert await learned(store, EVERYBODY) == ((5, 0) if together else (0, 0))
            assert await store.read(lessons.count) == 0
            await show(store, is_spam=False)
            await work.round()
            assert await learned(store, 1) == (0, 5)

    asyncio.run(run())


def test_two_servers_learn_the_same_once(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *LETTERS)
            await show(store)
            await asyncio.gather(taught_by(store).round(), taught_by(store).round())
            assert await learned(store, 1) == (5, 0)
            assert await store.read(lessons.count) == 0

    asyncio.run(run())


def test_a_message_that_is_gone_or_damaged_waits_no_longer(
    database: Opener, data: Path, events: Recorder
) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *LETTERS[:3])
            await show(store)
            await store.write(
                lambda tx: tx.execute(
                    "UPDATE blob SET head = :rubbish WHERE id = (SELECT min(id) FROM blob)",
                    rubbish=b"rubbish",
                )
            )
            await store.expunge(1, 1, Span(3, 3), flagged=False)
            work = taught_by(store)
            assert await work.round() == 2
            assert await learned(store, 1) == (1, 0)
            assert await work.round() == 0
            assert await store.read(lessons.count) == 0

    asyncio.run(run())


def test_it_goes_on_when_the_database_does(database: Opener, data: Path, events: Recorder) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            rests = 0

            async def rest(seconds: float) -> None:
                nonlocal rests
                if seconds != teacher.PAUSE_SECONDS:
                    return
                rests += 1
                if rests == 1:
                    await store.write(
                        lambda tx: tx.execute("ALTER TABLE away RENAME TO spam_waiting")
                    )
                    await put(store, *LETTERS)
                    await show(store)
                if rests == 2:
                    raise asyncio.CancelledError

            await store.write(lambda tx: tx.execute("ALTER TABLE spam_waiting RENAME TO away"))
            work = Teacher(store.db, store.blobs, store.clock, together=True, sleep=rest)
            with pytest.raises(asyncio.CancelledError):
                await work.run()
            assert await learned(store, 1) == (5, 0)

    asyncio.run(run())


def test_bounds_are_kept(database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            monkeypatch.setattr(knowledge, "MAX_TOKENS", {True: 5, False: 5})
            await put(store, letter(SPAM, number=1), letter(HAM, number=2))
            await show(store)
            await taught_by(store).round()
            assert await learned(store, 1) == (1, 0)
            assert await store.read(knowledge.size, 1) < 30
            assert not await store.read(knowledge.is_full, 1) or await learned(store, 1) == (1, 0)

    asyncio.run(run())


def test_the_beginning_of_a_long_message_is_enough() -> None:
    head = b"Subject: x\r\n\r\n"
    long = b"word " * 200_000
    assert teacher.lesson(head, long, is_spam=True) == teacher.lesson(
        head, long[:70_000], is_spam=True
    )
