"""Searching reads no more messages than it must; what it finds is tried in ``test_query``."""

import asyncio
from pathlib import Path

import pytest

from postroom.access import texts
from postroom.access.indexer import Indexer
from postroom.web.jmap import condition, searching
from postroom.web.jmap.matching import Matcher
from postroom.web.jmap.outline import outline_of
from tests.access.shop import put, shop
from tests.conftest import Opener
from tests.web.jmap.followers import account_of


def test_what_the_index_knows_is_not_read(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []
    look = searching._look

    async def noting(account, group, wanted):  # type: ignore[no-untyped-def]
        looked.extend(one.id for one in group)
        return await look(account, group, wanted)

    monkeypatch.setattr(searching, "_look", noting)

    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, b"Subject: apple\r\n\r\nred", b"Subject: pear\r\n\r\ngreen")
            await Indexer(store, 1 << 20).everything(1)
            account = account_of(store)
            outline = await outline_of(account)

            async def found(given: object) -> int:
                looked.clear()
                tree = condition.tree(given)
                return len(await searching.search(account, Matcher(outline), 2, tree))

            assert (await found({"text": "apple"}), looked) == (1, [])
            assert (await found({"operator": "NOT", "conditions": [{"body": "red"}]}), looked) == (
                1,
                [],
            )
            assert (await found({"minSize": 9999, "hasAttachment": True}), looked) == (0, [])
            assert (await found({"subject": "pear", "hasAttachment": False}), len(looked)) == (1, 1)

    asyncio.run(run())


def test_a_large_message_that_is_not_indexed(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(texts, "PIECE", 1000)

    async def run() -> None:
        async with shop(database, data) as store:
            await put(
                store, b"Subject: large\r\n\r\n" + b"hay " * 1000 + b"needle " + b"hay " * 999
            )
            account = account_of(store)
            outline = await outline_of(account)
            for given, count in (
                ({"body": "needle"}, 1),
                ({"text": "needles"}, 0),
                ({"subject": "large"}, 1),
                ({"text": "large", "body": "hay"}, 1),
            ):
                tree = condition.tree(given)
                assert len(await searching.search(account, Matcher(outline), 1, tree)) == count

    asyncio.run(run())


def test_one_that_can_not_be_read_is_not_found(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, b"Subject: a\r\n\r\nb", b"Subject: a\r\n\r\nc")
            await store.db.write(
                lambda tx: tx.execute(
                    "UPDATE blob SET head = body WHERE id = (SELECT min(id) FROM blob)"
                )
            )
            account = account_of(store)
            outline = await outline_of(account)
            for given in ({"subject": "a"}, {"body": "c"}):
                found = await searching.search(account, Matcher(outline), 2, condition.tree(given))
                assert len(found) == 1

    asyncio.run(run())
