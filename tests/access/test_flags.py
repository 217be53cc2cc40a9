"""Flags of many messages."""

import asyncio
import random
from pathlib import Path

import pytest

from postroom.access import flags as flag_pages, loading
from postroom.access.flags import PAGE, flags, stored
from postroom.access.kept import Kept
from postroom.access.numbering import Ranges
from postroom.access.view import FlagChange, View
from postroom.protocol.imap.fetch_lines import FlagPage, flags_page
from postroom.store.flags import ANSWERED, DELETED, FLAGGED, SEEN
from postroom.store.spans import Span
from tests.access.shop import opened, put, shop
from tests.conftest import Opener

LETTER = b"A: b\r\n\r\nx"

Told = list[tuple[int, int, int, str, bool]]


async def told(view: View, ranges: Ranges) -> Told:
    found: Told = []
    async for page in flags(view, ranges):
        found += lines(page)
    return found


def lines(page: FlagPage) -> Told:
    assert len(page.sequences) == len(page.uids) <= PAGE
    texts = [page.kinds[code] for code in page.codes]
    assert flags_page(page, with_uid=True).count(b"\r\n") == len(page.uids)
    return [
        (sequence, uid, *text)
        for sequence, uid, text in zip(page.sequences, page.uids, texts, strict=True)
    ]


async def change(view: View, ranges: Ranges, change: FlagChange) -> dict[int, int]:
    """Store, and what was told of it: flags by UID. What is written but not told is no answer."""
    written: dict[bytes, Told] = {}

    def write(page: FlagPage) -> bytes:
        name = b"%d;" % len(written)
        written[name] = lines(page)
        return name

    found: Told = []
    async for names in stored(view, ranges, change, write):
        for name in names.split(b";")[:-1]:
            found += written[name + b";"]
    assert [line[0] for line in found] == view.sequences_of([line[1] for line in found])
    return {line[1]: line[2] for line in found}


async def expected(view: View, ranges: Ranges) -> Told:
    return [
        (row.sequence, row.uid, row.flags, row.keywords, row.recent)
        async for page in loading.rows(view, ranges, need=frozenset())
        for row in page
    ]


def test_they_are_those_of_the_rows(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            for _ in range(5):
                await put(store, *[LETTER] * 900, flags=SEEN)
            kept = Kept()
            first = await opened(store, kept=kept)
            view = await opened(store, kept=kept)
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


def test_what_a_store_tells_is_what_it_has_made(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flag_pages, "MAX_STORED", 300)
    monkeypatch.setattr(flag_pages, "MAX_SWEPT", 400)
    monkeypatch.setattr(flag_pages, "PAGE", 100)

    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *[LETTER] * 700, flags=SEEN)
            view = await opened(store)
            draw = random.Random(2)
            some = [(uid, uid) for uid in sorted(draw.sample(range(1, 700), 150))]
            await view.store(some, FlagChange("replace", DELETED, frozenset({"$a"})))
            for ranges in ([(1, 700)], [(40, 650)], some):
                for one in (
                    FlagChange("add", FLAGGED),
                    FlagChange("add", FLAGGED),  # changes nothing
                    FlagChange("remove", SEEN | DELETED),
                    FlagChange("add", ANSWERED, frozenset({"b"})),
                    FlagChange("replace", SEEN),
                ):
                    said = await change(view, ranges, one)
                    assert list(said.items()) == [
                        (uid, bits) for _, uid, bits, _, _ in await expected(view, ranges)
                    ]
                    assert (await view.refresh(expunges=True)).flags == []
            assert list(view.keywords) == ["$a", "b"]
            await store.expunge(1, 1, Span(10, 20), flagged=False)  # the view does not know it
            said = await change(view, [(1, 700)], FlagChange("add", DELETED))
            assert sorted(said) == [*range(1, 10), *range(21, 701)]
            await view.close(expunge=False)

    asyncio.run(run())


def test_changes_of_others_that_come_between_are_told(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flag_pages, "PAGE", 50)

    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *[LETTER] * 200)
            kept = Kept()
            views = [await opened(store, kept=kept) for _ in range(3)]
            known = [dict.fromkeys(range(1, 201), 0) for _ in views]
            draw = random.Random(3)

            async def work(view: View, flags: dict[int, int]) -> None:
                for _ in range(12):
                    first = draw.randrange(1, 100)
                    bits = draw.choice((SEEN, FLAGGED, ANSWERED))
                    one = FlagChange("remove" if draw.random() < 0.3 else "add", bits)
                    flags.update(await change(view, [(first, first + 90)], one))
                    news = (await view.refresh(expunges=True)).flags
                    flags.update({flagged.uid: flagged.flags for flagged in news})

            await asyncio.gather(*map(work, views, known))
            for view, told in zip(views, known, strict=True):
                news = (await view.refresh(expunges=True)).flags
                told.update({flagged.uid: flagged.flags for flagged in news})
                assert told == {row[1]: row[2] for row in await expected(view, [(1, 200)])}

    asyncio.run(run())
