"""Header fields that are kept for the next time."""

import asyncio
import base64
import random
from pathlib import Path

from postroom.access import fields
from postroom.access.fields import FieldCache
from postroom.access.view import View
from postroom.message import headers
from postroom.store.spans import Span
from postroom.store.store import Store
from tests.access.shop import opened, put, shop
from tests.conftest import Opener

PREFIX = b"Delivered-To: a@example.org\r\n"
NAMES = ("from", "subject")


def letter(number: int) -> bytes:
    return b"Subject: %d\r\nX-A: 1\r\nFrom: %d@example.org\r\n\r\nbody\r\n" % (number, number)


def expected(number: int, names: tuple[str, ...] = NAMES) -> bytes:
    return headers.select(letter(number).removesuffix(b"body\r\n"), names, exclude=False)


async def select(
    cache: FieldCache, store: Store, view: View, uids: list[int], names: tuple[str, ...] = NAMES
) -> dict[int, bytes]:
    """Those that were asked for."""
    found = await store.db.read(lambda tx: cache.select(tx, store.blobs, view, uids, names))
    return {uid: found[uid] for uid in uids if uid in found}


async def forget_heads(store: Store) -> None:
    await store.db.write(lambda tx: tx.execute("UPDATE blob SET head = :none", none=b""))


def test_what_was_asked_once_opens_no_header_block(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *map(letter, range(1, 151)), prefix=PREFIX)
            view, cache = await opened(store), FieldCache()
            asked = [1, 2, 63, 64, 65, 150]
            found = {uid: expected(uid) for uid in asked}
            assert await select(cache, store, view, asked) == found
            assert await select(cache, store, view, [3]) == {3: expected(3)}  # adds to a block
            others = ("delivered-to", "none")
            assert await select(cache, store, view, [1], others) == {1: PREFIX + b"\r\n"}
            await forget_heads(store)
            assert await select(cache, store, view, asked) == found
            assert await select(cache, store, view, [1, 2, 3, *asked[2:]]) == found | {
                3: expected(3)
            }
            assert await select(cache, store, view, [4]) == {}
            assert await select(FieldCache(), store, view, asked) == {}

    asyncio.run(run())


def test_mailboxes_and_names_are_apart(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, letter(1))
            await put(store, letter(2), account_id=2)
            cache = FieldCache()
            first, second = await opened(store), await opened(store, account_id=2)
            assert await select(cache, store, first, [1]) == {1: expected(1)}
            assert await select(cache, store, second, [1]) == {1: expected(2)}
            assert await select(cache, store, first, [1], ("from",)) == {1: expected(1, ("from",))}
            assert await select(cache, store, first, [1]) == {1: expected(1)}

    asyncio.run(run())


def test_expunged_and_large_ones_are_left_out(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            noise = base64.b64encode(random.Random(1).randbytes(fields.SMALL_HEAD))
            wordy = b"X: " + b"word " * fields.SMALL_HEAD + b"\r\n"
            await put(store, letter(1), wordy + letter(2), letter(3), b"X: " + noise + b"\r\n\r\n")
            view, cache = await opened(store), FieldCache()
            await store.expunge(1, 1, Span(3, 3), flagged=False)
            found = await select(cache, store, view, [1, 2, 3, 4])
            assert found == {1: expected(1), 2: expected(2)}

    asyncio.run(run())


def test_the_least_used_goes_first(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *map(letter, range(1, 5 * fields.NEIGHBOURS)))
            view = await opened(store)
            limit = 4 * fields.OVERHEAD
            cache = FieldCache(limit)
            blocks = [number * fields.NEIGHBOURS for number in range(1, 5)]
            for uid in blocks[:3]:
                await select(cache, store, view, [uid])
            await select(cache, store, view, [blocks[0]])
            assert cache.size <= limit
            await select(cache, store, view, [blocks[3]])
            assert cache.size <= limit
            await forget_heads(store)
            kept = [uid for uid in blocks if await select(cache, store, view, [uid])]
            assert kept == [blocks[0], blocks[2], blocks[3]]
            assert cache.size > 3 * fields.OVERHEAD
            await select(FieldCache(0), store, view, blocks)

    asyncio.run(run())
