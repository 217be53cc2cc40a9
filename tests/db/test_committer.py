"""Group commit on PostgreSQL when the end of a transaction is unknown."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from postroom.db.committer import Committer, Disconnected, Unknown
from postroom.db.database import Tx
from postroom.db.jobs import Job
from postroom.errors import StorageFailed


class Rows(set[int]):
    """A table, and the connection to its server."""

    def __init__(self) -> None:
        super().__init__()
        self.xid = ""
        self.lose_at: set[int] = set()  # commits that happen, but are not answered
        self.commits = 0
        self.progress = 0  # how often the lost transaction is still in progress
        self.down = False
        self.closed = False

    def commit(self, fn: Callable[[Tx], Any]) -> Any:
        if self.down:
            raise Disconnected(detail="down")
        self.commits += 1
        tx: Any = self
        before = set(self)
        try:
            result = fn(tx)
        except BaseException:
            self.clear()
            self.update(before)
            raise
        self.xid = str(self.commits)
        if self.commits in self.lose_at:
            raise Unknown(detail="lost")
        return result

    def write(self, fn: Callable[[Tx], Any]) -> Any:
        if self.down:
            raise StorageFailed(detail="down")
        tx: Any = self
        return fn(tx)

    def ended(self, xid: str) -> bool:
        if self.down:
            raise StorageFailed(detail="down")
        self.progress -= 1
        return self.progress < 0

    def close(self) -> None:
        self.closed = True


def insert(rows: Any, items: Sequence[int]) -> Sequence[int | Exception]:
    if -1 in items:
        raise LookupError("minus one")
    rows.update(items)
    return items


def run(rows: Rows, test: Callable[[Callable[[int], "asyncio.Future[int]"]], Any]) -> None:
    async def go() -> None:
        committer = Committer(rows, rows.commit, rows.write)

        def submit(number: int) -> asyncio.Future[int]:
            future: asyncio.Future[int] = asyncio.get_running_loop().create_future()

            def undo(tx: Any) -> None:
                tx.discard(number)

            committer.put(Job(future, batch=insert, item=number, undo=undo))
            return future

        try:
            await test(submit)
        finally:
            await committer.close()
        assert rows.closed

    asyncio.run(go())


def test_an_unknown_end_is_undone_before_it_is_told() -> None:
    rows = Rows()
    rows.lose_at = {1}
    rows.progress = 3

    async def test(submit: Callable[[int], "asyncio.Future[int]"]) -> None:
        with pytest.raises(StorageFailed):
            await submit(1)
        assert rows == set()
        assert rows.progress < 0
        assert await submit(2) == 2

    run(rows, test)
    assert rows == {2}


def test_what_can_not_be_undone_now_is_undone_before_the_next_write() -> None:
    rows = Rows()

    def lose(_tx: Tx, items: Sequence[int]) -> Sequence[int]:
        rows.update(items)
        rows.down = True
        return items

    async def go() -> None:
        committer = Committer(rows, rows.commit, rows.write)
        loop = asyncio.get_running_loop()
        rows.lose_at = {1}
        first: asyncio.Future[int] = loop.create_future()
        committer.put(Job(first, batch=lose, item=1, undo=lambda tx: rows.discard(1)))
        with pytest.raises(Unknown):
            await first
        second: asyncio.Future[int] = loop.create_future()
        committer.put(Job(second, batch=insert, item=2))
        with pytest.raises(StorageFailed):
            await second
        assert rows == {1}
        rows.down = False
        third: asyncio.Future[int] = loop.create_future()
        committer.put(Job(third, batch=insert, item=3))
        assert await third == 3
        assert rows == {3}
        await committer.close()

    asyncio.run(go())


def test_a_bad_item_fails_alone_and_a_mistaken_undo_stops_nothing() -> None:
    rows = Rows()

    async def test(submit: Callable[[int], "asyncio.Future[int]"]) -> None:
        found = await asyncio.gather(*[submit(n) for n in (1, -1, 2)], return_exceptions=True)
        assert [found[0], type(found[1]), found[2]] == [1, LookupError, 2]

    run(rows, test)
    assert rows == {1, 2}


def test_a_mistake_in_an_undo_stops_nothing() -> None:
    rows = Rows()
    rows.lose_at = {1}

    def wrong(_tx: Tx) -> None:
        raise LookupError

    async def go() -> None:
        committer = Committer(rows, rows.commit, rows.write)
        for number in (1, 2):
            future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            committer.put(Job(future, batch=insert, item=number, undo=wrong))
            await asyncio.wait([future])
            assert isinstance(future.exception(), Unknown if number == 1 else type(None))
        await committer.close()

    asyncio.run(go())
