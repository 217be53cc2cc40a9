"""Refused messages that are kept: how many, how long, and the references they hold."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from postroom.store import rejects
from postroom.store.rejects import Reject, Sought
from postroom.store.store import Store
from tests.access.shop import shop
from tests.conftest import Opener
from tests.store.letters import query
from tests.store.refused import keep


async def audit(store: Store) -> None:
    """Every blob counts its rejects."""
    wrong = (
        "SELECT b.id FROM blob b WHERE b.refs <>"
        " (SELECT count(*) FROM reject r WHERE r.blob_id = b.id)"
    )
    assert await store.read(query, wrong) == []


def test_they_are_listed_by_account_the_latest_first(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            first = await keep(store, 1, 2)
            second = await keep(store, 1)
            assert await store.read(rejects.newest, 1, limit=9) == [second[0], first[0]]
            assert await store.read(rejects.newest, 1, below=second[0].id, limit=9) == [first[0]]
            assert await store.read(rejects.newest, 1, limit=1) == [second[0]]
            assert await store.read(rejects.newest, 3, limit=9) == []
            assert await store.read(rejects.named, 2, first[1].id) == first[1]
            assert await store.read(rejects.named, 1, first[1].id) is None  # somebody else's
            assert (await store.usage(1)).messages == 0
            await audit(store)

    asyncio.run(run())


@pytest.mark.parametrize(("most", "octets"), [(3, 10_000), (99, 399)])
def test_the_oldest_leave(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch, most: int, octets: int
) -> None:
    monkeypatch.setattr(rejects, "MOST", most)
    monkeypatch.setattr(rejects, "MOST_OCTETS", octets)

    async def run() -> None:
        async with shop(database, data) as store:
            kept = [(await keep(store, 1, 2))[0] for _ in range(5)]
            page = await store.read(rejects.newest, 1, limit=9)
            assert [one.id for one in page] == [one.id for one in reversed(kept[-3:])]
            await audit(store)
            await keep(store, 1, size=10_001)  # too large to be kept, and the only one to go
            page = await store.read(rejects.newest, 2, limit=9)
            assert len(page) == 3
            await audit(store)

    asyncio.run(run())


def test_the_end_of_one_is_the_end_of_its_reference(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            one, two = await keep(store, 1, 2)
            blobs, now = store.blobs, store.clock()
            assert await store.write(rejects.remove, blobs, [one.id, 7], now) == 1
            assert await store.write(rejects.remove, blobs, [one.id], now) == 0
            await audit(store)
            assert await store.read(query, "SELECT freed_at FROM blob") == [(None,)]
            await store.write(rejects.remove, blobs, [two.id], now)
            assert await store.blobs.collect(store.db, now) == 1

    asyncio.run(run())


def test_time_and_the_end_of_an_account_end_them(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rejects, "CHUNK", 2)

    async def run() -> None:
        async with shop(database, data) as store:
            for _ in range(3):
                await keep(store, 1)
            then = store.clock.advance(seconds=10)  # type: ignore[attr-defined]
            (last,) = await keep(store, 1)
            (other,) = await keep(store, 2)
            for count in (2, 1, 0):
                args = store.blobs, store.clock()
                assert await store.write(rejects.purge, *args, before=then) == count
            await audit(store)
            assert await store.read(rejects.newest, 1, limit=9) == [last]
            await store.remove_account(1)
            assert await store.read(rejects.newest, 1, limit=9) == []
            assert await store.read(rejects.newest, 2, limit=9) == [other]
            await audit(store)

    asyncio.run(run())


def test_those_of_all_are_searched(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            first = await keep(store, 1, 2)
            second = await keep(store, 1)
            every = [second[0], *reversed(first)]
            assert await store.read(rejects.of_all, Sought(), limit=9) == every
            assert await store.read(rejects.of_all, Sought(), below=second[0].id, limit=1) == [
                first[1]
            ]
            assert await store.read(rejects.count_of_all, Sought()) == 3
            for words, count in (("HELLO", 3), ("block list", 3), ("nothing%", 0), ("'", 0)):
                found = await store.read(rejects.of_all, Sought(words=words), limit=9)
                assert len(found) == count, words
                assert await store.read(rejects.count_of_all, Sought(words=words)) == count
            assert await store.read(rejects.of_all, Sought(within=7), limit=9) == []
            monkeypatch.setattr(rejects, "SEARCHED", 1)
            found = await store.read(rejects.of_all, Sought(words="hello"), limit=9)
            assert found == [second[0]]

    asyncio.run(run())


def test_the_columns_are_the_fields_in_order() -> None:
    fields = ", ".join(field.name for field in msgspec.structs.fields(Reject))
    assert fields == rejects._COLUMNS
