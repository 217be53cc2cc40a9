"""The queue as a person sees it."""

import asyncio

import pytest

from postroom.db.database import Tx
from postroom.queue import changes, listing
from postroom.queue.listing import Depth, Filter, Stats, Waiting
from tests.conftest import Opener
from tests.fakes import START
from tests.queue.letters import add, letter

LETTERS = [
    letter(7, "b@other.test", "c@x.test"),
    letter(8, "D@other.test", sender=b""),
    letter(9, "e@x.test", sender=b"A@demo.test"),
]


def test_pages_go_through_all_letters_oldest_first(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await db.write(lambda tx: add(tx, [letter(number) for number in range(1, 306)]))
            seen = [0]

            def next_page(tx: Tx) -> list[Waiting]:
                return listing.page(tx, after=seen[-1], limit=150)

            while page := await db.read(next_page):
                assert all(len(one.deliveries) == 1 for one in page)
                seen += [one.id for one in page]
            assert seen == list(range(306))

    asyncio.run(run())


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (Filter(), [7, 8, 9]),
        (Filter(destination="x.test"), [7, 9]),
        (Filter(sender=""), [8]),
        (Filter(sender="a@DEMO.test"), [7, 9]),
        (Filter(recipient="d@other.test"), [8]),
        (Filter(recipient="d@other.test", destination="x.test"), []),
        (Filter(held=True), [9]),
        (Filter(held=False, sender="a@demo.test"), [7]),
        (Filter(sender="' OR 1=1 --"), []),
    ],
)
def test_filters(database: Opener, chosen: Filter, expected: list[int]) -> None:
    async def run() -> None:
        async with database() as db:
            await db.write(lambda tx: add(tx, LETTERS))
            await db.write(lambda tx: changes.hold(tx, [9]))
            found = await db.read(lambda tx: listing.page(tx, chosen, limit=10))
            assert [one.id for one in found] == expected

    asyncio.run(run())


def test_one_letter_is_shown_with_all_recipients(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await db.write(lambda tx: add(tx, LETTERS))
            shown = await db.read(lambda tx: listing.show(tx, 7))
            assert shown is not None
            assert [one.recipient for one in shown.deliveries] == ["b@other.test", "c@x.test"]
            assert {one.status for one in shown.deliveries} == {"waiting"}
            assert {one.next_attempt for one in shown.deliveries} == {START}
            assert await db.read(lambda tx: listing.show(tx, 6)) is None

    asyncio.run(run())


def test_octets_that_are_no_text_are_shown_all_the_same(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await db.write(lambda tx: add(tx, [letter(7, sender=b"\xff@demo.test")]))
            (shown,) = await db.read(lambda tx: listing.page(tx, limit=9))
            assert shown.sender == "�@demo.test"
            found = await db.read(lambda tx: listing.page(tx, Filter(sender="b@c"), limit=9))
            assert found == []

    asyncio.run(run())


def test_depths(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            empty = Stats(0, 0, 0, 0, 0, 0)
            assert await db.read(listing.stats) == empty
            await db.write(lambda tx: add(tx, [*LETTERS, letter(10, "f@x.test")]))
            await db.write(lambda tx: changes.hold(tx, [9]))
            assert await db.read(listing.stats) == Stats(
                deliveries=5, held=1, quarantined=0, claimed=0, destinations=2, oldest=START
            )
            assert await db.read(lambda tx: listing.depths(tx, 10)) == [
                Depth("x.test", 3, START, 0, 0, 0, None),
                Depth("other.test", 2, START, 0, 0, 0, None),
            ]
            assert len(await db.read(lambda tx: listing.depths(tx, 1))) == 1
            some = await db.read(
                lambda tx: listing.depths_of(tx, ["x.test", "none.test", "x.test"])
            )
            assert some == [Depth("x.test", 3, START, 0, 0, 0, None)]
            assert await db.read(lambda tx: listing.depths_of(tx, [])) == []

    asyncio.run(run())
