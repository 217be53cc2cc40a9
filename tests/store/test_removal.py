r"""Expunging, and the way of a message out of the account."""

import asyncio
from pathlib import Path

from postroom.store import entries, mailboxes, news, removal
from postroom.store.entries import FlagChange
from postroom.store.flags import DELETED
from postroom.store.news import Marks
from postroom.store.removal import Chunk, Removal
from postroom.store.spans import Span
from postroom.store.store import Store
from tests.access.shop import put, shop
from tests.conftest import Opener
from tests.store.letters import query

LETTER = b"Subject: x\r\n\r\nbody\r\n"


async def expunge(store: Store, span: Span, *, flagged: bool) -> int:
    order = Removal(1, 1, span, flagged)
    chunk = await store.write(removal.expunge, store.blobs, order, store.clock())
    return chunk.messages if chunk else 0


def test_expunge_removes_what_is_deleted_and_counts_it_off(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *[LETTER] * 5)
            change = FlagChange("add", DELETED)
            for span in (Span(2, 3), Span(5, 5)):
                await store.write(entries.update_flags, 1, 1, span, change)
            before = (await store.read(mailboxes.get, 1, "INBOX")).highestmodseq
            assert await expunge(store, Span(1, 4), flagged=True) == 2
            box = await store.read(mailboxes.get, 1, "INBOX")
            assert (box.messages, box.octets, box.uidnext) == (3, 3 * len(LETTER), 6)
            assert (await store.usage(1)).octets == 3 * len(LETTER)
            found = await store.read(news.look, 1, 1, Marks(0, before), expunges=True)
            assert found.vanished == [(2, box.highestmodseq), (3, box.highestmodseq)]
            assert [row[0] for row in found.changed] == [1, 4, 5]
            left = await store.db.read(lambda tx: tx.all("SELECT count(*) FROM message"))
            assert left == [(3,)]
            freed = await store.db.read(
                lambda tx: tx.all("SELECT count(*) FROM blob WHERE refs = 0 AND freed_at > 0")
            )
            assert freed == [(2,)]
            assert await expunge(store, Span(4, 4, (4,)), flagged=False) == 1

    asyncio.run(run())


def test_chunks_are_bounded(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *[LETTER] * 3, flags=DELETED)
            await put(store, LETTER)
            everything = Span(1, 9)
            chunk = await store.read(removal.next_chunk, 1, everything, flagged=True)
            assert chunk == Chunk(Span(1, 3), 3)
            assert await store.read(removal.next_chunk, 1, Span(4, 9), flagged=True) is None
            chunk = await store.read(removal.next_chunk, 1, Span(4, 9), flagged=False)
            assert chunk == Chunk(Span(4, 4), 1)

    asyncio.run(run())


def test_long_expunges_take_many_transactions(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            for _ in range(6):
                await put(store, *[LETTER] * 900, flags=DELETED)
            assert await store.expunge(1, 1, Span(1, 9999), flagged=True) == 5400
            box = await store.read(mailboxes.get, 1, "INBOX")
            assert (box.messages, box.octets) == (0, 0)
            rows = await store.db.read(lambda tx: tx.all("SELECT uid, modseq FROM vanished"))
            assert len(rows) == 5400
            assert len({row[1] for row in rows}) == 3
            assert await store.usage(1) == await store.usage(99)

    asyncio.run(run())


def test_a_buried_mailbox_leaves_nothing(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            made = await store.write(
                mailboxes.create, 1, "Old", None, [store.ids.next()], store.clock()
            )
            await put(store, *[LETTER] * 1200, mailbox=made.id)
            await store.expunge(1, made.id, Span(1, 5), flagged=False)
            await store.write(mailboxes.bury, 1, "Old", store.clock())
            assert await store.finish_deletions() == 1
            assert await store.finish_deletions() == 0
            for table in ("message", "entry", "vanished", "mailbox"):
                sql = f"SELECT count(*) FROM {table}"
                assert await store.read(query, sql) == [(0,)], table
            assert (await store.usage(1)).messages == 0

    asyncio.run(run())
