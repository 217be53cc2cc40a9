"""Long lists, read page by page: each page is one short read transaction."""

from collections.abc import AsyncIterator, Callable
from typing import Final, TypeVar

from postroom.db.database import Tx
from postroom.directory.directory import Directory

PAGE: Final = 500

ItemT = TypeVar("ItemT")
KeyT = TypeVar("KeyT")


async def walk(
    directory: Directory,
    page: Callable[[Tx, KeyT, int], list[ItemT]],
    key: Callable[[ItemT], KeyT],
    start: KeyT,
    limit: int | None,
) -> AsyncIterator[ItemT]:
    """Every item after ``start``, at most ``limit``; ``page`` gets the last key and a size."""
    left = limit
    while left is None or left > 0:
        size = PAGE if left is None else min(PAGE, left)
        after = start

        def read(tx: Tx, after: KeyT = after, size: int = size) -> list[ItemT]:
            return page(tx, after, size)

        items = await directory.look(read)
        for item in items:
            yield item
        if len(items) < size:
            return
        start = key(items[-1])
        left = None if left is None else left - len(items)
