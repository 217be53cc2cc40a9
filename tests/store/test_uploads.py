"""Uploads: how many, how long, whose, and the references they hold."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from postroom.db.database import Tx
from postroom.store import uploads
from postroom.store.store import Store
from postroom.store.uploads import KEPT_MS, SPARED_MS, TooManyUploads, Upload
from tests.access.shop import shop
from tests.conftest import Opener
from tests.store.letters import query

ROOM = 1000


async def audit(store: Store) -> list[int]:
    """Every blob counts its uploads; the sizes of those that are there."""
    wrong = (
        "SELECT b.id FROM blob b WHERE b.refs <>"
        " (SELECT count(*) FROM upload r WHERE r.blob_id = b.id)"
    )
    assert await store.read(query, wrong) == []
    return [row[0] for row in await store.read(query, "SELECT size FROM upload ORDER BY id")]


async def bring(store: Store, size: int, *, by: int = 1, account: int = 1, at: int = 0) -> Upload:
    blob = store.blobs.small(b"", b"x" * size)
    new = Upload(store.ids.next(), account, by, blob.id, size, "text/plain", store.clock() + at)

    def write(tx: Tx) -> None:
        store.blobs.insert(tx, [(blob, 1)])
        uploads.add(tx, store.blobs, new, most_octets=ROOM)

    await store.db.write(write)
    return new


def test_who_has_brought_it_finds_it(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            new = await bring(store, 10, by=1, account=2)
            assert await store.read(uploads.named, 1, 2, new.id) == new
            assert await store.read(uploads.named, 2, 2, new.id) is None
            assert await store.read(uploads.named, 1, 1, new.id) is None
            assert await store.read(uploads.named, 1, 2, new.id + 1) is None
            assert await audit(store) == [10]

    asyncio.run(run())


def test_the_oldest_make_room_once_an_hour_has_passed(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await bring(store, 400)
            await bring(store, 500)
            await bring(store, 900, by=2)
            with pytest.raises(TooManyUploads):
                await bring(store, 101)
            assert await audit(store) == [400, 500, 900]
            await bring(store, 100)
            await bring(store, 300, at=SPARED_MS + 1)
            assert await audit(store) == [500, 900, 100, 300]
            await bring(store, 700, at=SPARED_MS + 1)
            assert await audit(store) == [900, 300, 700]
            with pytest.raises(TooManyUploads):
                await bring(store, 1, at=SPARED_MS + 1)
            assert await audit(store) == [900, 300, 700]

    asyncio.run(run())


def test_their_number_is_bounded(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "MOST", 3)

    async def run() -> None:
        async with shop(database, data) as store:
            for _ in range(3):
                await bring(store, 1)
            with pytest.raises(TooManyUploads):
                await bring(store, 1)
            await bring(store, 2, at=SPARED_MS + 1)
            assert await audit(store) == [1, 1, 2]

    asyncio.run(run())


def test_time_and_the_end_of_an_account_end_them(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "CHUNK", 2)

    async def run() -> None:
        async with shop(database, data) as store:
            for size in range(1, 4):
                await bring(store, size)
            await bring(store, 9, at=KEPT_MS)
            before = store.clock() + 1
            ended = [
                await store.write(uploads.purge, store.blobs, store.clock(), before=before)
                for _ in range(3)
            ]
            assert ended == [2, 1, 0]
            assert await audit(store) == [9]
            await bring(store, 10, by=2, account=1)
            await bring(store, 11, by=1, account=2)
            await bring(store, 12, by=2, account=2)
            await store.remove_account(1)
            assert await audit(store) == [12]
            assert await store.blobs.collect(store.db, store.clock()) == 6

    asyncio.run(run())


def test_the_columns_are_the_fields_in_order() -> None:
    assert ", ".join(Upload.__struct_fields__) == uploads._COLUMNS
    assert msgspec.structs.fields(Upload)
