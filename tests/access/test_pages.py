"""Rows of messages with what is needed of them."""

import asyncio
from pathlib import Path

import pytest

from postroom.access import fetch, loading
from postroom.access.pages import WHOLE, listed, load, message, wanted
from postroom.blobs.damage import BlobCorrupt
from postroom.message.envelope import envelope
from postroom.protocol.imap.fetch import Section
from postroom.store.spans import Span
from tests.access.shop import opened, put, shop
from tests.access.test_fetch import LETTER, PREFIX, one_row
from tests.conftest import Opener


def test_rows_hold_what_is_needed(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            row = await one_row(store, LETTER, frozenset())
            assert (row.sequence, row.uid, row.flags, row.keywords) == (1, 1, 0, "")
            assert row.size == len(PREFIX) + len(LETTER)
            assert (row.received, row.recent, row.envelope, row.head) == (
                store.clock(), True, b"", b"",
            )  # fmt: skip
            row = await one_row(store, LETTER, frozenset({"envelope", "head"}))
            assert row.envelope == envelope(row.head)
            assert row.bodystructure == b""
            assert row.prefix == PREFIX
            assert row.head == LETTER[: LETTER.index(b"\r\n\r\n") + 4]
            assert row.sequence == row.uid == 2

    asyncio.run(run())


def test_damaged_content_does_not_come(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, LETTER, LETTER, prefix=PREFIX)
            sql = "UPDATE blob SET digest = :zero WHERE id = (SELECT min(id) FROM blob)"
            await store.db.write(lambda tx: tx.execute(sql, zero=b""))
            view = await opened(store, read_only=True)
            (page,) = [
                page async for page in loading.rows(view, [(1, 2)], need=frozenset({"content"}))
            ]
            assert page[0].body is None
            assert page[1].body is not None
            assert await fetch.octets(page[1], 0, page[1].size) == PREFIX + LETTER
            with pytest.raises(BlobCorrupt):
                await fetch.section(page[0], Section())
            sql = "UPDATE blob SET head = :zero WHERE id = (SELECT max(id) FROM blob)"
            await store.db.write(lambda tx: tx.execute(sql, zero=b""))
            (page,) = [
                page async for page in loading.rows(view, [(1, 2)], need=frozenset({"head"}))
            ]
            assert [row.has_front for row in page] == [True, False]
            with pytest.raises(BlobCorrupt):
                await fetch.section(page[1], Section((), "HEADER"))

    asyncio.run(run())


def test_a_message_that_is_not_there_is_none(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, LETTER, LETTER, LETTER)
            view = await opened(store)
            await store.expunge(1, 1, Span(2, 2), flagged=False)
            for uid in (2, 4):
                assert await message(view, uid, need=frozenset({"head"})) is None
            found = await message(view, 3, need=frozenset({"content"}))
            assert found is not None
            assert (found.uid, found.sequence) == (3, 3)  # nobody was told of the expunge
            assert found.body is not None

    asyncio.run(run())


def test_content_is_added_to_what_was_listed(database: Opener, data: Path) -> None:
    """Of what is large only the front; what is expunged meanwhile can still be read."""
    large = LETTER + b"x" * WHOLE

    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, LETTER, large, prefix=PREFIX)
            view = await opened(store)
            want = wanted(frozenset({"content"}))
            page = await listed(view, Span(1, 2), want)
            assert [(row.has_front, row.body, row.prefix) for row in page] == [
                (False, None, PREFIX)
            ] * 2
            await store.expunge(1, 1, Span(1, 2), flagged=False)
            await load(view, page, passing=True)
            small, other = page
            assert small.prefix + small.head + (small.body or b"") == PREFIX + LETTER
            assert (other.head, other.body) == (small.head, None)
            assert other.has_front

    asyncio.run(run())
