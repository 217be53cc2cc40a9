"""Hooks and their calls."""

import asyncio

import pytest

from postroom.db.database import Database
from postroom.errors import NotFound
from postroom.ledger import hooks
from postroom.ledger.hooks import Hook, HookCall
from tests.conftest import Opener


def test_calls_are_claimed_one_of_a_hook(database: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(db: Database) -> None:
        for ident in (1, 2):
            hook = Hook(ident, "u", frozenset({"a", "b"}), "", b"s", 5)
            await db.write(lambda tx, hook=hook: hooks.add(tx, hook))  # type: ignore[misc]
            assert await db.read(lambda tx, i=ident: hooks.require(tx, i)) == hook  # type: ignore[misc]
        calls = [HookCall(n, 1 + n % 2, f"e{n}", "{}", 0, 100) for n in range(10, 16)]
        await db.write(lambda tx: hooks.call(tx, [*calls, HookCall(99, 1, "e10", "{}", 0, 100)]))
        assert await db.read(hooks.waiting) == {1: 3, 2: 3}
        assert not await db.read(lambda tx: hooks.is_due(tx, 99))
        assert await db.read(lambda tx: hooks.is_due(tx, 100))
        first = await db.write(lambda tx: hooks.claim(tx, 100, 50, 9, [], 9))
        assert [one.id for one in first] == [10, 11]
        assert [
            one.id for one in await db.write(lambda tx: hooks.claim(tx, 100, 50, 9, [1], 9))
        ] == [13]
        following = await db.write(lambda tx: hooks.next_of(tx, 1, 100, 50))
        assert following is not None
        assert following.id == 12
        await db.write(lambda tx: hooks.settle(tx, first[0], None))
        await db.write(lambda tx: hooks.settle(tx, first[1], 400))
        again = await db.write(lambda tx: hooks.claim(tx, 400, 50, 1, [1], 9))
        assert [(one.id, one.attempts) for one in again] == [(11, 1)]
        await db.write(lambda tx: hooks.answered(tx, 1, is_good=False, answer="500", now=7))
        await db.write(lambda tx: hooks.answered(tx, 1, is_good=False, answer="502", now=8))
        found = await db.read(lambda tx: hooks.require(tx, 1))
        assert (found.failures, found.last_answer, found.last_at) == (2, "502", 8)
        await db.write(lambda tx: hooks.answered(tx, 1, is_good=True, answer="204", now=9))
        assert (await db.read(lambda tx: hooks.require(tx, 1))).failures == 0
        monkeypatch.setattr(hooks, "MOST_WAITING", 1)
        assert await db.write(hooks.trim) == 3
        await db.write(lambda tx: hooks.remove(tx, 2))
        assert await db.read(hooks.waiting) == {1: 1}
        with pytest.raises(NotFound):
            await db.read(lambda tx: hooks.require(tx, 2))

    async def run() -> None:
        async with database() as db:
            await story(db)

    asyncio.run(run())


def test_those_that_work_go_first_and_those_that_fail_have_some_places(database: Opener) -> None:
    async def story(db: Database) -> None:
        for ident in range(1, 7):
            hook = Hook(ident, "u", frozenset({"a"}), "", b"s", 5)
            await db.write(lambda tx, hook=hook: hooks.add(tx, hook))  # type: ignore[misc]
        calls = [
            HookCall(10 * n + k, n, f"e{k}", "{}", 0, 100) for n in range(1, 7) for k in (0, 1)
        ]
        await db.write(lambda tx: hooks.call(tx, calls))
        for ident, is_good, at in (
            (1, False, 7),
            (2, False, 5),
            (3, False, 6),
            (4, True, 9),
            (5, True, 8),
        ):
            await db.write(
                lambda tx, i=ident, good=is_good, at=at: hooks.answered(  # type: ignore[misc]
                    tx, i, is_good=good, answer="", now=at
                )
            )

        async def claimed(limit: int, busy: list[int], ailing: int) -> list[int]:
            found = await db.write(lambda tx: hooks.claim(tx, 100, 50, limit, busy, ailing))
            for one in found:
                await db.write(lambda tx, one=one: hooks.settle(tx, one, 100))  # type: ignore[misc]
            return [one.hook_id for one in found]

        assert await claimed(9, [], 2) == [6, 5, 4, 2, 3]
        assert await claimed(2, [6], 2) == [5, 4]
        assert await claimed(9, [4, 5, 6], 0) == []
        assert await claimed(9, [2, 4, 5, 6], 1) == [3]
        due = [
            ((4, 5, 6), 0, False),
            ((4, 5, 6), 1, True),
            ((4, 5), 0, True),
            (range(1, 7), 9, False),
        ]
        for busy, ailing, is_due in due:
            found = await db.read(
                lambda tx, busy=busy, ailing=ailing: hooks.is_due(tx, 100, set(busy), ailing)  # type: ignore[misc]
            )
            assert found is is_due

    async def run() -> None:
        async with database() as db:
            await story(db)

    asyncio.run(run())
