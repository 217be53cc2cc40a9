"""What scripts remember."""

import asyncio

import pytest

from postroom.store import memory
from tests.conftest import Opener
from tests.store.letters import read, write

KEY = "\udc80 \N{SNOWMAN}" * 1000


def test_a_key_is_known_until_it_lapses(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            assert not await read(db, memory.is_known, 1, KEY, 10)
            await write(db, memory.remember, 1, KEY, 20)
            assert await read(db, memory.is_known, 1, KEY, 19)
            assert not await read(db, memory.is_known, 1, KEY, 20)
            assert not await read(db, memory.is_known, 1, KEY + "x", 10)
            assert not await read(db, memory.is_known, 2, KEY, 10)
            await write(db, memory.remember, 1, KEY, 15)
            assert not await read(db, memory.is_known, 1, KEY, 15)

    asyncio.run(run())


def test_one_of_many_claims_a_key(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            won = await asyncio.gather(*(write(db, memory.claim, 1, "a", 10, 20) for _ in range(9)))
            assert sorted(won) == [False] * 8 + [True]
            assert await write(db, memory.claim, 2, "a", 10, 20)
            assert not await write(db, memory.claim, 1, "a", 19, 99)
            assert await write(db, memory.claim, 1, "a", 20, 30)
            assert not await write(db, memory.claim, 1, "a", 29, 30)

    asyncio.run(run())


def test_what_has_lapsed_goes(database: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "CHUNK", 2)

    async def run() -> None:
        async with database() as db:
            for number in range(5):
                await write(db, memory.remember, 1, str(number), number)
            assert [await write(db, memory.purge, 2) for _ in range(3)] == [2, 1, 0]
            assert await read(db, memory.is_known, 1, "3", 0)
            await write(db, memory.forget_account, 1)
            assert not await read(db, memory.is_known, 1, "3", 0)

    asyncio.run(run())
