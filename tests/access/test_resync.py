"""What became of messages known from an earlier session."""

import asyncio
from pathlib import Path

import pytest

from postroom.access import resync
from postroom.access.numbering import STAR, Ranges
from postroom.access.view import FlagChange, View
from postroom.store import vanished
from postroom.store.flags import DELETED
from postroom.store.store import Store
from tests.access.shop import opened, put, shop
from tests.conftest import Opener

LETTER = b"A: b\r\n\r\nx"


async def remove(store: Store, *uids: int) -> int:
    """Expunge in another session; the MODSEQ before."""
    view = await opened(store)
    before = view.complete
    ranges = [(uid, uid) for uid in uids]
    await view.store(ranges, FlagChange("add", DELETED), silent=True)
    await view.expunge(ranges)
    return before


async def told(
    view: View, since: int, ranges: Ranges | None = None, above: int = 0
) -> list[list[tuple[int, int]]]:
    return [
        page async for page in resync.expunged(view, resync.uids_of(view, ranges), since, above)
    ]


def test_what_was_expunged_since(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *[LETTER] * 10)
            first = await remove(store, 2, 3, 9)
            second = await remove(store, 5)
            view = await opened(store)
            assert await told(view, first) == [[(2, 3), (5, 5), (9, 9)]]
            assert await told(view, second) == [[(5, 5)]]
            assert await told(view, first, [(3, 7)]) == [[(3, 3), (5, 5)]]
            assert await told(view, first, [(6, STAR)]) == [[(9, 9)]]
            assert await told(view, first, [(1, 4294967295)], 3) == [[(5, 5), (9, 9)]]
            assert await told(view, view.complete) == await told(view, 2**63 - 1) == []
            # what the view still has a number for is not named
            await remove(store, 6)
            assert await told(view, second) == [[(5, 5)]]
            await view.refresh(expunges=True)
            assert await told(view, second) == [[(5, 6)]]

    asyncio.run(run())


def test_sets_of_uids(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            empty = await opened(store)
            assert resync.uids_of(empty, None) == resync.uids_of(empty, [(1, STAR)]) == []
            await put(store, *[LETTER] * 4)
            view = await opened(store)
            assert resync.uids_of(view, None) == [(1, 4)]
            assert resync.uids_of(view, [(3, STAR), (1, 1)]) == [(1, 1), (3, 4)]
            assert resync.uids_of(view, [(9, STAR)]) == [(4, 4)]
            assert resync.uids_of(view, [(7, 9)]) == []

    asyncio.run(run())


def test_pages_and_what_is_forgotten(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vanished, "PAGE", 2)
    monkeypatch.setattr(resync, "PAGE", 2)

    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *[LETTER] * 12)
            first = await remove(store, 2, 4, 6)
            second = await remove(store, 8, 9, 11)
            view = await opened(store)
            assert await told(view, first) == [
                [(2, 2), (4, 4)],
                [(6, 6), (8, 8)],
                [(9, 9), (11, 11)],
            ]
            await store.write(vanished.forget, 1, second)
            assert await told(view, second) == [[(8, 9)], [(11, 11)]]
            # from before: all that is not there
            assert await told(view, first) == [[(2, 2), (4, 4)], [(6, 6), (8, 9)], [(11, 11)]]
            assert await told(view, first, [(4, 8)], 4) == [[(6, 6), (8, 8)]]

    asyncio.run(run())


def test_forgetting_while_a_client_reads(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vanished, "PAGE", 2)

    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *[LETTER] * 12)
            first = await remove(store, 2, 4, 6, 8, 10)
            view = await opened(store)
            found: list[tuple[int, int]] = []
            async for page in resync.expunged(view, [(1, 12)], first):
                found += page
                await store.write(vanished.forget, 1, view.complete)
            assert found == [(2, 2), (4, 4), (6, 6), (8, 8), (10, 10)]

    asyncio.run(run())
