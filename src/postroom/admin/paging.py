"""Long lists, read page by page: each page is one short read transaction."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar, cast

import msgspec

from postroom.db.database import Tx
from postroom.directory.directory import Directory

PAGE: Final = 500

ItemT = TypeVar("ItemT")
KeyT = TypeVar("KeyT")
ViewT = TypeVar("ViewT")


class Slice(msgspec.Struct, Generic[ItemT], frozen=True):
    """One page of a list: ``total`` is how long the whole list is.

    ``next`` is where the next page begins, "" after the last one. It is only for giving back.
    """

    items: tuple[ItemT, ...]
    total: int
    next: str = ""


def cursor(key: Sequence[object]) -> str:
    """A key as text."""
    return msgspec.json.encode(key).decode()


def sliced(
    found: Sequence[ItemT], size: int, total: int, key: Callable[[ItemT], Sequence[object]]
) -> Slice[ItemT]:
    """A page of ``size`` from what was read with one more, to know whether others follow."""
    shown = tuple(found[:size])
    return Slice(shown, total, cursor(key(shown[-1])) if len(found) > size else "")


def viewed(page: Slice[ItemT], view: Callable[[ItemT], ViewT]) -> Slice[ViewT]:
    """The same page with each item as ``view`` shows it."""
    return Slice(tuple(map(view, page.items)), page.total, page.next)


@dataclass(frozen=True, slots=True)
class Listing(Generic[ItemT, KeyT, ViewT]):
    """A long list: ``read`` gets the key of the item before, and how many are wanted.

    Keys are tuples, ``start`` is the one before the first; ``view`` shows an item.
    """

    directory: Directory
    read: Callable[[Tx, KeyT, int], Sequence[ItemT]]
    key: Callable[[ItemT], KeyT]
    start: KeyT
    count: Callable[[Tx], int]
    view: Callable[[ItemT], ViewT]

    async def page(self, after: str, size: int) -> Slice[ViewT]:
        """The page after the one whose ``next`` this is; "" for the first."""
        begin = key_of(after, self.start)

        def look(tx: Tx) -> Slice[ItemT]:
            found = self.read(tx, begin, size + 1)
            key = cast("Callable[[ItemT], tuple[object, ...]]", self.key)
            return sliced(found, size, self.count(tx), key)

        return viewed(await self.directory.look(look), self.view)

    async def every(self, limit: int | None) -> AsyncIterator[ViewT]:
        """All of them, at most ``limit``."""
        async for item in walk(self.directory, self.read, self.key, self.start, limit):
            yield self.view(item)


def key_of(text: str, start: KeyT) -> KeyT:
    """The key in a text, a tuple like ``start``; ``start`` for anything else."""
    try:
        found = msgspec.json.decode(text, type=tuple)
    except (msgspec.DecodeError, RecursionError):
        return start
    shape = [type(one) for one in cast("tuple[object, ...]", start)]
    is_key = shape == [type(one) for one in found] and all(map(_can_be_stored, found))
    return cast("KeyT", found) if is_key else start


def _can_be_stored(part: object) -> bool:
    """Whether both engines take it for a column."""
    return abs(part) < 1 << 63 if isinstance(part, int) else "\0" not in str(part)


async def walk(
    directory: Directory,
    page: Callable[[Tx, KeyT, int], Sequence[ItemT]],
    key: Callable[[ItemT], KeyT],
    start: KeyT,
    limit: int | None,
) -> AsyncIterator[ItemT]:
    """Every item after ``start``, at most ``limit``; ``page`` gets the last key and a size."""
    left = limit
    while left is None or left > 0:
        size = PAGE if left is None else min(PAGE, left)
        after = start

        def read(tx: Tx, after: KeyT = after, size: int = size) -> Sequence[ItemT]:
            return page(tx, after, size)

        items = await directory.look(read)
        for item in items:
            yield item
        if len(items) < size:
            return
        start = key(items[-1])
        left = None if left is None else left - len(items)
