"""Pages of messages in their order."""

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from postroom.access import fetch, loading
from postroom.access.loading import Loading
from postroom.access.numbering import Ranges
from postroom.access.pages import WHOLE, FetchRow, wanted
from postroom.access.view import FlagChange
from postroom.protocol.imap.fetch import Section
from postroom.store.spans import Span
from tests.access.shop import opened, put, shop
from tests.conftest import Opener

PREFIX = b"Return-Path: <b@example.org>\r\n"


def letter(number: int, octets: int = 0) -> bytes:
    return b"A: %d\r\n\r\n" % number + random.Random(number).randbytes(octets)


async def contents(page: list[FetchRow]) -> list[bytes]:
    return [await fetch.octets(row, 0, row.size) for row in page]


def test_pages_cover_the_ranges_and_skip_the_expunged(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            for _ in range(3):
                await put(store, *[b"A: b\r\n\r\nx"] * 400)
            view = await opened(store, read_only=True)
            await store.expunge(1, 1, Span(5, 6), flagged=False)
            pages = [
                page
                async for page in loading.rows(
                    view, [(2, 7), (600, 1200)], need=frozenset({"prefix"})
                )
            ]
            assert [len(page) for page in pages] == [498, 107] or sum(map(len, pages)) == 605
            assert all(len(page) <= loading.PAGE for page in pages)
            rows = [row for page in pages for row in page]
            assert [row.uid for row in rows] == [2, 3, 4, 7, *range(600, 1201)]
            assert [row.sequence for row in rows] == [row.uid for row in rows]

    asyncio.run(run())


def test_small_content_comes_with_its_page(database: Opener, data: Path) -> None:
    body = b"0123456789" * 2_000
    letters = [b"A: %d\r\n\r\n" % number + body for number in range(150)]
    letters[70] += b"x" * WHOLE

    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *letters, prefix=PREFIX)
            view = await opened(store, read_only=True)
            await store.expunge(1, 1, Span(5, 6), flagged=False)
            need = frozenset({"content"})
            pages = [page async for page in loading.rows(view, [(2, 8), (30, 150)], need=need)]
            octets = [sum(len(row.body or b"") for row in page) for page in pages]
            assert max(octets) <= loading.WHOLE_OCTETS
            assert max(map(len, pages)) <= loading.WHOLE_PAGE
            rows = [row for page in pages for row in page]
            assert [row.uid for row in rows] == [2, 3, 4, 7, 8, *range(30, 151)]
            for row in rows:
                assert (row.body is None) is (row.uid == 71)
                assert await fetch.section(row, Section()) == PREFIX + letters[row.uid - 1]
                text = letters[row.uid - 1].partition(b"\r\n\r\n")[2]
                assert await fetch.section(row, Section((1,))) == text
                assert await fetch.octets(row, 1, 3) == PREFIX[1:4]

    asyncio.run(run())


def test_many_come_in_pages(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *[b"A: b\r\n\r\nx"] * 1200)
            view = await opened(store, read_only=True)
            pages = [
                page async for page in loading.rows(view, [(1, 1200)], need=frozenset({"prefix"}))
            ]
            assert [row.uid for page in pages for row in page] == list(range(1, 1201))
            assert max(map(len, pages)) <= 500

    asyncio.run(run())


def test_only_what_has_changed(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *[b"A: b\r\n\r\nx"] * 30)
            view = await opened(store)
            since = view.complete
            odd = [(uid, uid) for uid in range(1, 31, 2)]
            await view.store(odd, FlagChange("add", 1))

            async def uids(ranges: Ranges, need: frozenset[str] = frozenset()) -> list[int]:
                pages = loading.rows(view, ranges, need=need, changed_since=since)
                return [row.uid async for page in pages for row in page]

            expected = list(range(5, 21, 2))
            for most in (10_000, 3):  # picked one by one, or found among all
                monkeypatch.setattr(loading, "MOST_CHANGED", most)
                assert await uids([(4, 20)]) == expected
                assert await uids([(4, 20)], frozenset({"envelope"})) == expected
                assert await uids([(2, 2), (4, 4)]) == []

    asyncio.run(run())


def test_many_scattered_messages(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *[b"A: b\r\n\r\nx"] * 3000)
            view = await opened(store, read_only=True)
            odd = list(range(1, 3001, 2))
            ranges = [(uid, uid) for uid in odd]
            pages = [page async for page in loading.rows(view, ranges, need=frozenset())]
            assert [row.uid for page in pages for row in page] == odd

    asyncio.run(run())


def test_pages_come_in_order_however_they_are_loaded(database: Opener, data: Path) -> None:
    """Large ones between small ones; each page ends where it holds enough."""
    rng = random.Random(9)
    letters = [letter(n, rng.choice((5, 500, 60_000, WHOLE + 1))) for n in range(40)]

    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *letters)
            view = await opened(store, read_only=True)
            pages = Loading(
                view, view.spans([(1, 40)], 7), wanted(frozenset({"content"})),
                is_whole=True, passing=True,
            )  # fmt: skip
            found: list[bytes] = []
            while page := await pages.next():
                assert sum(len(row.body or b"") for row in page) <= loading.WHOLE_OCTETS
                large = [row for row in page if row.size > WHOLE]
                assert [row.begun is not None for row in large] == [True, *[False] * len(large)][
                    : len(large)
                ]
                found += [
                    b"".join([piece async for piece in fetch.pieces(row, 0, row.size)])
                    for row in page
                ]
            assert found == letters
            assert await pages.next() == []
            pages.close()

    asyncio.run(run())


def test_what_fails_is_told_to_who_asks(database: Opener, data: Path) -> None:
    class Broken(Exception):
        pass

    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *map(letter, range(10)))
            view = await opened(store, read_only=True)

            def spans() -> Iterator[Span]:
                yield Span(1, 3)
                raise Broken

            want = wanted(frozenset({"content"}))
            pages = Loading(view, spans(), want, is_whole=False, passing=True)
            with pytest.raises(Broken):
                while await pages.next():
                    pass
            pages.close()

    asyncio.run(run())


def test_who_takes_only_one_page_leaves_nothing_behind(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *map(letter, range(600)))
            view = await opened(store, read_only=True)
            reading = loading.rows(view, [(1, 600)], need=frozenset({"content", "whole"}))
            page = await anext(reading)
            assert await contents(page) == [letter(number) for number in range(len(page))]
            await reading.aclose()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            await asyncio.gather(*others, return_exceptions=True)
            assert await store.db.read(lambda tx: tx.one("SELECT 1")) == (1,)

    asyncio.run(run())
