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
