from collections.abc import Callable

import pytest

from postroom.admin import paging
from postroom.admin.office import Office
from tests.admin.bureau import Story
from tests.fakes import Clock

Tell = Callable[[Story], None]


@pytest.mark.parametrize(
    ("limit", "sizes"),
    [
        (None, [500, 500, 500]),
        (0, []),
        (3, [3]),
        (500, [500]),
        (700, [500, 200]),
        (5000, [500, 500, 500]),
    ],
)
def test_pages_end_with_the_items_or_the_limit(
    tell: Tell, limit: int | None, sizes: list[int]
) -> None:
    async def story(office: Office, clock: Clock) -> None:
        asked: list[int] = []

        def page(tx: object, after: int, size: int) -> list[int]:
            asked.append(size)
            return list(range(after + 1, min(after + size, 1200) + 1))

        seen = [
            item async for item in paging.walk(office.directory, page, lambda item: item, 0, limit)
        ]
        assert seen == list(range(1, min(1200, 1200 if limit is None else limit) + 1))
        assert asked == sizes

    tell(story)


def test_a_listing_is_read_in_pages_or_whole(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        listing = paging.Listing(
            office.directory,
            lambda _, key, most: list(range(key[0] + 1, min(key[0] + most, 7) + 1)),
            lambda item: (item,),
            (0,),
            lambda _: 7,
            str,
        )
        first = await listing.page("", 4)
        assert (first.items, first.total) == (("1", "2", "3", "4"), 7)
        assert await listing.page(first.next, 4) == paging.Slice(("5", "6", "7"), 7)
        assert (await listing.page("nonsense", 2)).items == ("1", "2")
        assert [item async for item in listing.every(None)] == list("1234567")
        assert [item async for item in listing.every(2)] == ["1", "2"]

    tell(story)
