"""What the filter has learned, as rows; on both engines."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from postroom.db.database import Database, Row
from postroom.policy import knowledge
from postroom.policy.knowledge import EVERYBODY, SLICES, Lesson
from tests.conftest import Opener

BIG = (1 << 63) - 1
SPAM = Lesson(b"1" * 16, (1, 2, BIG), is_spam=True)
HAM = Lesson(b"2" * 16, (2, 3), is_spam=False)


def run(database: Opener, work: Callable[[Database], Awaitable[None]]) -> None:
    async def opened() -> None:
        async with database() as db:
            await work(db)

    asyncio.run(opened())


async def learn(db: Database, lesson: Lesson, scope: int = EVERYBODY, now: int = 0) -> bool:
    return await db.write(lambda tx: knowledge.learn(tx, scope, lesson, now))


def other(lesson: Lesson) -> Lesson:
    """The same message as what it is not."""
    return Lesson(lesson.digest, lesson.tokens, is_spam=not lesson.is_spam)


async def rows(db: Database) -> list[Row]:
    return await db.read(
        lambda tx: tx.all(
            "SELECT account_id, token, spam, ham, lean FROM spam_token ORDER BY account_id, token"
        )
    )


async def lessons(db: Database, scope: int = EVERYBODY) -> tuple[int, int]:
    found = (await db.read(lambda tx: knowledge.totals(tx, [scope]))).get(scope, knowledge.NOTHING)
    return found.spam, found.ham


def test_a_message_is_learned_once(database: Opener) -> None:
    async def work(db: Database) -> None:
        assert await learn(db, SPAM)
        assert not await learn(db, SPAM)
        assert await learn(db, HAM)
        assert await lessons(db) == (1, 1)
        assert await rows(db) == [
            (0, 1, 1, 0, 0),
            (0, 2, 1, 1, 0),
            (0, 3, 0, 1, 0),
            (0, BIG, 1, 0, 0),
        ]

    run(database, work)


def test_learned_as_the_other_it_is_as_if_never_learned_before(database: Opener) -> None:
    async def work(db: Database) -> None:
        await learn(db, HAM)
        await learn(db, other(SPAM))
        both = await rows(db)
        assert await learn(db, SPAM)
        assert await lessons(db) == (1, 1)
        assert await learn(db, other(SPAM))
        assert await lessons(db) == (0, 2)
        assert await rows(db) == both

    run(database, work)


def test_scopes_do_not_mix(database: Opener) -> None:
    async def work(db: Database) -> None:
        await learn(db, SPAM, scope=7)
        await learn(db, HAM, scope=8)
        found = await db.read(lambda tx: knowledge.counts(tx, [0, 7, 8], [1, 2, 3, 99]))
        assert found == {
            0: {},
            7: {1: (1, 0, 0), 2: (1, 0, 0)},
            8: {2: (0, 1, 0), 3: (0, 1, 0)},
        }
        assert [await lessons(db, scope) for scope in (0, 7, 8)] == [(0, 0), (1, 0), (0, 1)]
        assert await db.write(lambda tx: knowledge.forget(tx, 7)) == 1
        assert [row[0] for row in await rows(db)] == [8, 8]
        assert await lessons(db, 7) == (0, 0)
        assert await learn(db, SPAM, scope=7)

    run(database, work)


def test_halving_forgets_what_is_rare_and_loses_no_place(database: Opener) -> None:
    async def work(db: Database) -> None:
        for count in range(4):
            await learn(db, Lesson(b"%16d" % count, (5, 10 + count, BIG), is_spam=True), now=count)
        await db.write(lambda tx: tx.execute("UPDATE spam_token SET lean = -3 WHERE token = 5"))
        for _ in range(SLICES - 1):
            assert await db.write(lambda tx: knowledge.halve(tx, EVERYBODY))
            assert await db.read(lambda tx: knowledge.is_full(tx, EVERYBODY))
        assert await lessons(db) == (4, 0)
        assert not await db.write(lambda tx: knowledge.halve(tx, EVERYBODY))
        assert not await db.read(lambda tx: knowledge.is_full(tx, EVERYBODY))
        assert await lessons(db) == (2, 0)
        found = {row[1]: row[2:] for row in await rows(db)}
        assert found[5] == (2, 0, -1)
        assert found[BIG][:2] == (2, 0)
        old = Lesson(b"%16d" % 0, (5, 10, BIG), is_spam=True)
        young = Lesson(b"%16d" % 3, (5, 13, BIG), is_spam=True)
        assert await learn(db, old)
        assert not await learn(db, young)
        assert not await db.write(lambda tx: knowledge.halve(tx, 99))

    run(database, work)


def test_unlearning_what_has_faded_takes_nothing_below_nothing(database: Opener) -> None:
    async def work(db: Database) -> None:
        await learn(db, SPAM)
        await db.write(lambda tx: tx.execute("UPDATE spam_token SET spam = 0"))
        await db.write(lambda tx: tx.execute("UPDATE spam_knowledge SET spam = 0"))
        assert await learn(db, other(SPAM))
        assert await lessons(db) == (0, 1)
        assert [row[2:4] for row in await rows(db)] == [(0, 1)] * 3

    run(database, work)


def test_a_scope_is_bounded(database: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(db: Database) -> None:
        await learn(db, SPAM)
        await learn(db, HAM)
        for limit in ("MAX_TOKENS", "MAX_LESSONS"):
            assert not await db.read(lambda tx: knowledge.is_full(tx, EVERYBODY))
            with monkeypatch.context() as patch:
                patch.setattr(knowledge, limit, {True: 1, False: 1})
                assert await db.read(lambda tx: knowledge.is_full(tx, EVERYBODY))
        assert await db.read(lambda tx: knowledge.size(tx, EVERYBODY)) == 4

    run(database, work)


def test_two_who_learn_at_the_same_time_lose_nothing(database: Opener) -> None:
    async def work(db: Database) -> None:
        many = [Lesson(b"%16d" % n, (1, 2, 3, 100 + n), is_spam=n % 2 == 0) for n in range(40)]
        await asyncio.gather(*(learn(db, lesson) for lesson in many))
        assert await lessons(db) == (20, 20)
        assert (await rows(db))[0][2:4] == (20, 20)

    run(database, work)


def test_a_mistake_moves_the_lean_and_unlearning_moves_it_back(database: Opener) -> None:
    async def work(db: Database) -> None:
        for count in range(40):
            await learn(db, Lesson(b"s%15d" % count, (1, 2), is_spam=True))
            await learn(db, Lesson(b"h%15d" % count, (3, 4), is_spam=False))
        before = await rows(db)
        odd = Lesson(b"o" * 16, (3, 4, 5), is_spam=True)
        await learn(db, odd)
        moved = (await db.read(lambda tx: knowledge.totals(tx, [EVERYBODY])))[EVERYBODY].tilt
        assert moved > 0
        after = {row[1]: row[4] for row in await rows(db)}
        was = {row[1]: row[4] for row in before}
        assert after == {token: was.get(token, 0) + moved * (token in (3, 4, 5)) for token in after}
        await learn(db, other(odd))
        (steps,) = await db.read(
            lambda tx: tx.all("SELECT steps FROM spam_lesson WHERE digest = :it", it=odd.digest)
        )
        again = {row[1]: row[4] for row in await rows(db)}
        assert again == {
            token: was.get(token, 0) + steps[0] * (token in (3, 4, 5)) for token in after
        }

    run(database, work)
