"""What hooks have answered."""

import asyncio

import pytest

from postroom.ledger import hook_answers, hooks
from postroom.ledger.hook_answers import HookAnswer
from postroom.ledger.hooks import Hook
from tests.conftest import Opener


def test_the_latest_of_each_hook_are_kept(
    database: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hook_answers, "KEPT", 3)

    async def run() -> None:
        async with database() as db:
            for ident in (1, 2):
                hook = Hook(ident, "u", frozenset({"a"}), "", b"s", 5)
                await db.write(lambda tx, hook=hook: hooks.add(tx, hook))  # type: ignore[misc]
            some = [
                HookAnswer(1, number, number, "a", f"e{number}", 1, number % 2 == 0, "204")
                for number in range(10, 15)
            ]
            other = HookAnswer(2, 5, 5, "a", "e5", 2, True, "200")
            for one in (*some, other, HookAnswer(9, 6, 6, "a", "e6", 1, True, "200")):
                await db.write(lambda tx, one=one: hook_answers.add(tx, one))  # type: ignore[misc]
            assert await db.read(lambda tx: hook_answers.latest(tx, 1)) == some[:1:-1]
            assert await db.read(lambda tx: hook_answers.latest(tx, 2)) == [other]
            assert await db.read(lambda tx: hook_answers.latest(tx, 9)) == []
            await db.write(lambda tx: hooks.remove(tx, 1))
            assert await db.read(lambda tx: hook_answers.latest(tx, 1)) == []

    asyncio.run(run())
