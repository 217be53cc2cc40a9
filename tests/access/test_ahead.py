"""Messages that are read before they are asked for."""

import asyncio
import random
from pathlib import Path

from postroom.access import loading
from postroom.access.ahead import Ahead
from postroom.access.fetch import PIECE, octets, pieces
from postroom.access.pages import FetchRow
from postroom.store.spans import Span
from postroom.store.store import Store
from tests.access.shop import opened, put, shop
from tests.conftest import Opener

NEED = frozenset({"content"})


def letter(number: int) -> bytes:
    return b"A: b\r\n\r\n%d\r\n" % number


async def ask(
    reader: Ahead, uid: int, *, need: frozenset[str] = NEED, has_more: bool = True
) -> FetchRow | None:
    return await reader.message(uid, need=need, has_more=has_more)


async def content(row: FetchRow) -> bytes:
    assert row.body is not None
    return await octets(row, 0, row.size)


async def expunge(store: Store, first: int, last: int) -> None:
    await store.expunge(1, 1, Span(first, last), flagged=False)


def test_every_message_is_itself(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *map(letter, range(1, 100)))
            view = await opened(store)
            reader = Ahead(view)
            for uid in [*range(1, 50), 3, 4, 99, *range(40, 100), 100]:
                row = await ask(reader, uid)
                if uid == 100:
                    assert row is None
                    continue
                assert row is not None
                assert (row.uid, row.sequence) == (uid, uid)
                assert await content(row) == letter(uid)

    asyncio.run(run())


def test_only_a_client_that_does_not_wait_is_read_for(database: Opener, data: Path) -> None:
    """What was read ahead is still there once it was expunged; nothing else is."""

    async def run() -> None:
        async with shop(database, data) as store:
            last = 3 + loading.WHOLE_PAGE - 1
            far = last + 3 * loading.LISTED
            await put(store, *map(letter, range(1, far + 40)))
            view = await opened(store)
            reader = Ahead(view)
            await ask(reader, 1)
            await ask(reader, 2, has_more=False)
            await expunge(store, 3, 3)
            assert await ask(reader, 3) is None
            assert await ask(reader, 4) is not None  # read with those behind 3
            await expunge(store, 5, far + 10)
            for uid in (5, 6, last):
                found = await ask(reader, uid)
                assert found is not None
                assert await content(found) == letter(uid)
            assert await ask(reader, 5) is None
            assert await ask(reader, far) is None  # nobody read that far
            assert await ask(reader, far + 20) is not None
            assert await ask(reader, far + 30) is not None  # out of turn: alone
            await expunge(store, far + 31, far + 31)
            assert await ask(reader, far + 31) is None

    asyncio.run(run())


def test_another_need_is_read_anew_and_numbers_are_those_of_now(
    database: Opener, data: Path
) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *map(letter, range(1, 20)))
            view = await opened(store)
            reader = Ahead(view)
            await ask(reader, 1)
            await ask(reader, 2)
            more = await ask(reader, 3, need=NEED | {"envelope"})
            assert more is not None
            assert more.envelope
            await expunge(store, 1, 2)
            await view.refresh(expunges=True)
            found = await ask(reader, 4, need=NEED | {"envelope"})
            assert found is not None
            assert (found.uid, found.sequence) == (4, 2)
            assert await ask(reader, 2, need=NEED | {"envelope"}) is None

    asyncio.run(run())


def test_what_is_on_its_way_can_be_forgotten(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *map(letter, range(1, loading.WHOLE_PAGE + 10)))
            reader = Ahead(await opened(store))
            for uid in (1, 2, 3):
                assert await ask(reader, uid) is not None
            reader.close()
            reader.close()
            found = await ask(reader, 3 + loading.WHOLE_PAGE)
            assert found is not None
            assert await content(found) == letter(3 + loading.WHOLE_PAGE)
            reader.close()

    asyncio.run(run())


def test_what_is_at_hand_is_taken_once_with_its_number_of_now(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *map(letter, range(1, 20)))
            view = await opened(store)
            reader = Ahead(view)
            assert reader.take(1) is None
            await ask(reader, 1)
            await ask(reader, 2)
            found = reader.take(3)
            assert found is not None
            assert await content(found) == letter(3)
            assert reader.take(3) is None
            assert reader.take(99) is None
            await expunge(store, 1, 1)
            await expunge(store, 5, 5)
            await view.refresh(expunges=True)
            found = reader.take(4)
            assert found is not None
            assert (found.uid, found.sequence) == (4, 3)
            assert reader.take(5) is None  # the session knows that it is gone
            reader.close()
            assert reader.take(6) is None

    asyncio.run(run())


def test_what_is_large_is_not_at_hand_but_its_body_is_on_its_way(
    database: Opener, data: Path
) -> None:
    need = NEED | {"whole"}

    async def run() -> None:
        async with shop(database, data) as store:
            large = letter(3) + random.Random(3).randbytes(2 * PIECE)
            await put(store, letter(1), letter(2), large, letter(4))
            reader = Ahead(await opened(store))
            for uid in (1, 2):
                await ask(reader, uid, need=need)
            assert reader.has(3, need)
            assert reader.take(3) is None
            row = await ask(reader, 3, need=need)
            assert row is not None
            assert row.begun is not None
            begun = row.begun
            found = [piece async for piece in pieces(row, 0, row.size)]
            assert b"".join(found) == large
            assert found[1] is begun.result()
            assert [piece async for piece in pieces(row, 0, row.size)] == found  # read again
            assert reader.take(4) is not None
            reader.close()

    asyncio.run(run())
