"""Previews: made once, kept, and never in the way of reading."""

import asyncio
from pathlib import Path

from postroom.access import loading
from postroom.access.previews import TOGETHER, with_previews
from postroom.access.view import View
from postroom.errors import MailError
from postroom.message.preview import ENOUGH
from tests.access.shop import opened, put, shop
from tests.conftest import Opener


async def previews(view: View, *, lazy: bool) -> list[str | None]:
    pages = loading.rows(view, [(1, 0xFFFFFFFF)], need=frozenset())
    found = with_previews(view, pages, lazy=lazy)
    return [row.preview async for page in found for row in page]


def test_lazy_answers_what_is_kept(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, b"A: 1\r\n\r\none\r\n", b"A: 2\r\n\r\n", prefix=b"P: 1\r\n")
            view = await opened(store)
            assert await previews(view, lazy=True) == [None, None]
            assert await previews(view, lazy=False) == ["one", ""]
            assert await previews(view, lazy=True) == ["one", ""]
            await put(store, b"A: 3\r\n\r\nthree\r\n")
            await view.refresh(expunges=True)
            assert await previews(view, lazy=True) == ["one", "", None]
            assert await previews(view, lazy=False) == ["one", "", "three"]

    asyncio.run(run())


def test_large_messages_are_read_from_their_beginning(database: Opener, data: Path) -> None:
    filler = b"x" * 70 + b"\r\n"
    letters = [b"A: %d\r\n\r\nnumber %d\r\n\r\n" % (n, n) for n in range(6)]
    large = [letter + b"-- \r\n" + filler * (ENOUGH // 80) for letter in letters]
    larger = letters[0] + b"-- \r\n" + filler * (TOGETHER // 30)

    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *large, larger, *letters)
            view = await opened(store)
            numbers = [f"number {n}" for n in range(6)]
            assert await previews(view, lazy=False) == [*numbers, "number 0", *numbers]

    asyncio.run(run())


def test_a_full_disk_keeps_nobody_from_reading(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, b"A: 1\r\n\r\none\r\n")
            view = await opened(store)

            async def full(*_: object) -> None:
                raise MailError(detail="the disk is full")

            store.write_bulk = full  # type: ignore[assignment]
            assert await previews(view, lazy=False) == ["one"]
            assert await previews(view, lazy=True) == [None]

    asyncio.run(run())


def test_damaged_messages_have_none(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, b"A: 1\r\n\r\none\r\n", b"A: 2\r\n\r\ntwo\r\n")
            sql = "UPDATE blob SET head = :zero WHERE id = (SELECT min(id) FROM blob)"
            await store.db.write(lambda tx: tx.execute(sql, zero=b"\0"))
            view = await opened(store)
            assert await previews(view, lazy=False) == ["", "two"]
            assert await previews(view, lazy=True) == [None, "two"]

    asyncio.run(run())
