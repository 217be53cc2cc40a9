"""Columns of sort keys: read, or made where they are missing."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from postroom.access import keys
from postroom.access.keys import columns
from postroom.access.view import View
from postroom.db.database import Tx
from postroom.errors import StorageFull
from postroom.store import sort_keys as stored
from postroom.store.spans import Span
from postroom.store.store import Store
from tests.access.shop import opened, put, shop
from tests.conftest import Opener


def letter(number: int) -> bytes:
    return b"Subject: s%d\r\nFrom: f%d@example.org\r\n\r\nbody\r\n" % (number, number)


async def read(view: View, uids: Sequence[int], *names: str) -> list[tuple[object, ...]]:
    found: list[tuple[object, ...]] = []
    async for page in columns(view, uids, names):
        found += zip(*page, strict=True)
    return found


async def kept(store: Store) -> int:
    row = await store.db.read(lambda tx: tx.one("SELECT count(*) FROM sort_key"))
    return int(row[0]) if row else -1


def test_many_are_kept_and_few_are_not(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *map(letter, range(keys.FEW)))
            view = await opened(store)
            uids = list(view.numbering.uids)
            subjects = [f"S{number}" for number in range(keys.FEW + 1)]
            for _ in range(2):
                found = await read(view, uids, "subject")
                assert [row[4] for row in found] == subjects[:-1]
                assert await kept(store) == 0
            await put(store, letter(keys.FEW), received=17)
            await view.refresh(expunges=True)
            for _ in range(2):
                found = await read(view, [*uids, keys.FEW + 1], "subject", "author")
                assert [row[4] for row in found] == subjects
                assert found[-1][:3] == (keys.FEW + 1, 17, len(letter(keys.FEW)))
                assert found[-1][5] == f"F{keys.FEW}"
                assert await kept(store) == keys.FEW + 1

    asyncio.run(run())


def test_any_part_of_a_mailbox(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "PAGE", 3)

    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *map(letter, range(1, 13)))
            view = await opened(store)
            for uids in ([], [5], [1, 12], [2, 3, 5, 7, 11], [*range(1, 12)], [*range(1, 13)]):
                found = await read(view, uids, "subject")
                assert [(row[0], row[4]) for row in found] == [(uid, f"S{uid}") for uid in uids]
                assert [row[0] for row in await read(view, uids)] == uids
            await store.expunge(1, 1, Span(3, 4), flagged=False)
            for uids in ([2, 3, 4], [*range(1, 13)]):
                found = await read(view, uids, "subject")
                assert [row[0] for row in found] == [uid for uid in uids if uid not in {3, 4}]
            await view.refresh(expunges=True)
            found = await read(view, [1, 2, 5, 12], "subject")
            assert [row[0] for row in found] == [1, 2, 5, 12]

    asyncio.run(run())


def test_a_damaged_header_block_has_empty_keys(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "FEW", 0)

    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, letter(1), letter(2))

            def damage(tx: Tx) -> None:
                tx.execute(
                    "UPDATE blob SET head = :head WHERE id = (SELECT min(id) FROM blob)", head=b"x"
                )

            await store.db.write(damage)
            view = await opened(store)
            assert [row[4] for row in await read(view, [1, 2], "subject")] == ["", "S2"]
            assert await kept(store) == 1

    asyncio.run(run())


def test_a_full_disk_keeps_nobody_from_sorting(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "FEW", 0)

    def full(tx: Tx, *_: object) -> None:
        raise StorageFull

    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, letter(1), letter(2))
            view = await opened(store)
            monkeypatch.setattr(stored, "add", full)
            assert [row[4] for row in await read(view, [1, 2], "subject")] == ["S1", "S2"]
            assert await kept(store) == 0

    asyncio.run(run())


def test_two_sessions_make_the_same_keys_at_once(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            count = stored.MOST + 60
            await put(store, *map(letter, range(1, count + 1)))
            views = [await opened(store) for _ in range(3)]
            uids = list(range(1, count + 1))
            expected = [f"S{uid}" for uid in uids]
            answers = await asyncio.gather(*[read(view, uids, "subject") for view in views])
            for found in answers:
                assert [row[4] for row in found] == expected
            assert await kept(store) == count

    asyncio.run(run())
