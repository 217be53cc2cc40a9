"""Copies end: by name, when their time is over, to make room."""

import asyncio
from pathlib import Path

from postroom.store import copying, expunged, mailboxes
from postroom.store.copying import Transfer
from postroom.store.expunged import Chosen
from postroom.store.purge import Purged
from postroom.store.spans import Span
from postroom.store.store import Store
from tests.access.shop import audit, put, shop
from tests.conftest import Opener
from tests.fakes import Clock
from tests.store.letters import query

LETTER = b"Subject: x\r\n\r\nbody\r\n"
WEIGHT = len(LETTER)


async def deleted(store: Store, count: int, account_id: int = 1) -> list[int]:
    """File letters and expunge them; the ids of the copies."""
    filed = await put(store, *[LETTER] * count, account_id=account_id)
    span = Span(filed[0].uid, filed[-1].uid)
    await store.expunge(account_id, account_id, span, flagged=False)
    return [one.id for one in await store.read(expunged.oldest, account_id, Chosen(), limit=9999)]


def test_a_purged_copy_takes_message_and_blob_along(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data, keeps_expunged=True) as store:
            first, second = await deleted(store, 2)
            done = await store.purge(1, [first, 5])
            assert (done.messages, done.octets) == (1, WEIGHT)
            assert [(first,)] != await store.read(query, "SELECT id FROM expunged") == [(second,)]
            freed = "SELECT id FROM blob WHERE refs = 0 AND freed_at > 0"
            assert await store.read(query, freed) == [(done.blob_ids[0],)]
            assert (await store.purge(1, [first])).messages == 0
            await audit(store)

    asyncio.run(run())


def test_what_is_elsewhere_too_stays(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data, keeps_expunged=True) as store:
            await put(store, LETTER)
            inbox = await store.read(mailboxes.get, 1, "INBOX")
            theirs = await store.write(
                mailboxes.create, 2, "Shared", None, [store.ids.next()], store.clock()
            )
            for target in (inbox, theirs):
                order = Transfer(1, 1, target, (Span(1, 1),), False)
                await store.write(copying.transfer, store.blobs, order, store.clock())
            await store.expunge(1, 1, Span(1, 1), flagged=False)
            await store.expunge(2, theirs.id, Span(1, 1), flagged=False)
            for account_id in (1, 2):
                (one,) = await store.read(expunged.newest, account_id, Chosen(), limit=9)
                done = await store.purge(account_id, [one.id])
                assert done.messages == 1
                assert done.octets == (0 if account_id == 1 else WEIGHT)
                await audit(store)
            assert await store.read(query, "SELECT account_id, refs FROM message") == [(1, 1)]
            assert await store.read(query, "SELECT refs FROM blob") == [(1,)]

    asyncio.run(run())


def test_what_is_over_goes_in_chunks_over_all_accounts(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data, keeps_expunged=True) as store:
            clock = store.clock
            assert isinstance(clock, Clock)
            for _ in range(3):
                await deleted(store, 450)
            await deleted(store, 20, account_id=2)
            then = clock.advance(1)
            kept = [*await deleted(store, 2), *await deleted(store, 3, account_id=2)]
            assert (await store.purge_oldest(before=then)).messages == 1370
            left = await store.read(query, "SELECT id FROM expunged ORDER BY id")
            assert [row[0] for row in left] == sorted(kept)[-5:]
            assert await store.read(query, "SELECT count(*) FROM message") == [(5,)]
            assert await store.purge_oldest(before=then) == Purged()
            await audit(store)

    asyncio.run(run())


def test_room_is_made_with_the_oldest_and_no_more(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data, keeps_expunged=True) as store:
            clock = store.clock
            assert isinstance(clock, Clock)
            ids = []
            for account_id in (2, 1, 2):
                ids = await deleted(store, 2, account_id=account_id)
                clock.advance(1)
            assert await store.purge_oldest(octets=3 * WEIGHT - 1) == Purged(3, 3 * WEIGHT)
            left = await store.read(query, "SELECT account_id FROM expunged ORDER BY id")
            assert [row[0] for row in left] == [1, 2, 2]
            assert (await store.purge_oldest(octets=1 << 40)).messages == 3
            assert await store.purge_oldest(octets=1) == Purged()
            assert len(ids) == 4
            await audit(store)

    asyncio.run(run())


def test_copies_that_free_nothing_do_not_end_the_search_for_room(
    database: Opener, data: Path
) -> None:
    async def run() -> None:
        async with shop(database, data, keeps_expunged=True) as store:
            clock = store.clock
            assert isinstance(clock, Clock)
            await put(store, LETTER)
            inbox = await store.read(mailboxes.get, 1, "INBOX")
            order = Transfer(1, 1, inbox, (Span(1, 1),), False)
            await store.write(copying.transfer, store.blobs, order, store.clock())
            await store.expunge(1, 1, Span(1, 1), flagged=False)
            clock.advance(1)
            await deleted(store, 3)
            assert await store.purge_oldest(octets=2 * WEIGHT) == Purged(3, 2 * WEIGHT)
            await audit(store)

    asyncio.run(run())
