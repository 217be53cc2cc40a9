"""The maildrop of POP3."""

import asyncio
from pathlib import Path

import pytest

from postroom.access.maildrop import Maildrop
from postroom.errors import NotFound
from postroom.store.spans import Span
from tests.access.shop import Person, put, shop
from tests.conftest import Opener

LETTERS = [b"Subject: %d\r\n\r\nbody\r\n" % number for number in range(5)]


def test_a_snapshot_that_deletes_only_on_update(database: Opener, data: Path) -> None:
    """I6."""

    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *LETTERS, prefix=b"A: b\r\n")
            drop = await Maildrop.open(Person(), store)
            other = await Maildrop.open(Person(), store)
            assert [item.size for item in drop.items] == [len(letter) + 6 for letter in LETTERS]
            await put(store, b"Subject: new\r\n\r\n")
            assert len(drop.items) == 5
            content = b"".join([piece async for piece in drop.stream(1)])
            assert content == b"A: b\r\n" + LETTERS[1]
            assert len({drop.unique_id(index) for index in range(5)}) == 5
            assert drop.unique_id(2) == other.unique_id(2)
            assert await drop.update([0, 2]) == 2
            assert await other.update([2, 3]) == 1
            with pytest.raises(NotFound):
                [piece async for piece in other.stream(2)]
            later = await Maildrop.open(Person(), store)
            assert [item.uid for item in later.items] == [2, 5, 6]

    asyncio.run(run())


def test_an_empty_and_a_large_maildrop(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            drop = await Maildrop.open(Person(7), store)
            assert not drop.items
            assert await drop.update([]) == 0
            for _ in range(3):
                await put(store, *[LETTERS[0]] * 1000, account_id=7)
            await store.expunge(7, 7, Span(10, 11), flagged=False)
            drop = await Maildrop.open(Person(7), store)
            assert len(drop.items) == 2998
            assert await drop.update(range(2998)) == 2998
            assert (await store.usage(7)).messages == 0

    asyncio.run(run())
