"""Flags of many messages."""

import asyncio
import random
from pathlib import Path

from postroom.access.fetch import rows
from postroom.access.flags import PAGE, flags
from postroom.access.numbering import Ranges
from postroom.access.view import FlagChange, View
from postroom.protocol.imap.fetch_lines import flags_page
from postroom.store.flags import DELETED, SEEN
from postroom.store.spans import Span
from tests.access.shop import opened, put, shop
from tests.conftest import Opener

LETTER = b"A: b\r\n\r\nx"

Told = list[tuple[int, int, int, str, bool]]


async def told(view: View, ranges: Ranges) -> Told:
    found: Told = []
    async for page in flags(view, ranges):
        assert len(page.sequences) == len(page.uids) <= PAGE
        texts = [page.common] * len(page.uids)
        for place, bits, keywords, recent in page.others:
            texts[place] = (bits, keywords, recent)
        found += [
            (sequence, uid, *text)
            for sequence, uid, text in zip(page.sequences, page.uids, texts, strict=True)
        ]
        assert flags_page(page, with_uid=True).count(b"\r\n") == len(page.uids)
    return found


async def expected(view: View, ranges: Ranges) -> Told:
    return [
        (row.sequence, row.uid, row.flags, row.keywords, row.recent)
        async for page in rows(view, ranges, need=frozenset())
        for row in page
    ]


def test_they_are_those_of_the_rows(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            for _ in range(5):
                await put(store, *[LETTER] * 900, flags=SEEN)
            first = await opened(store)
            view = await opened(store)
            assert first.recent == 4500
            assert view.recent == 0
            draw = random.Random(1)
            whole = [(1, 4500)]
            asked = (whole, [(7, 7)], [(5, 2500), (4400, 9999)], [(n, n) for n in range(1, 99, 3)])

            async def same(*views: View) -> None:
                for one in views:
                    for ranges in asked:
                        assert await told(one, ranges) == await expected(one, ranges)

            await same(first, view)
            some = [(uid, uid) for uid in sorted(draw.sample(range(1, 4500), 300))]
            await view.store(some, FlagChange("replace", DELETED, frozenset({"$a", "b"})))
            await same(first, view)
            await view.store([(1, 4400)], FlagChange("remove", SEEN))
            await same(view)
            await store.expunge(1, 1, Span(10, 20), flagged=False)  # the views do not know it
            await same(first, view)
            await view.refresh(expunges=True)
            await same(first, view)
            await put(store, LETTER, flags=SEEN)
            await view.refresh(expunges=True)
            assert view.recent == 1
            await same(view)
            assert (await told(view, [(4501, 4501)]))[0] == (4490, 4501, SEEN, "", True)

    asyncio.run(run())


def test_an_empty_mailbox_has_none(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, LETTER)
            view = await opened(store)
            await store.expunge(1, 1, Span(1, 1), flagged=False)
            assert await told(view, [(1, 1)]) == []
            await view.refresh(expunges=True)
            assert await told(view, [(1, 1)]) == []

    asyncio.run(run())
