"""Copy and move, within an account and across."""

import asyncio
from pathlib import Path

import pytest

from postroom.db.database import Row
from postroom.errors import MailboxFull, NotFound
from postroom.quota import Quota
from postroom.store import copying, mailboxes, news
from postroom.store.copying import Copied, Transfer
from postroom.store.mailboxes import Mailbox
from postroom.store.news import Marks
from postroom.store.spans import Span
from postroom.store.store import Store
from tests.access.shop import put, shop
from tests.conftest import Opener

LETTER = b"Subject: x\r\n\r\nbody\r\n"


async def named(store: Store) -> list[int]:
    """How often each message is named."""
    rows = await query(
        store,
        "SELECT m.refs + coalesce(c.refs, 0) FROM message m LEFT JOIN message_copies c"
        " ON c.account_id = m.account_id AND c.message_id = m.id ORDER BY m.id",
    )
    return [row[0] for row in rows]


async def make(store: Store, account_id: int, name: str) -> Mailbox:
    return await store.write(
        mailboxes.create, account_id, name, None, [store.ids.next()], store.clock()
    )


async def transfer(
    store: Store,
    target: Mailbox,
    *spans: Span,
    is_move: bool = False,
    quota: int = 0,
    message_quota: int = 0,
) -> Copied:
    order = Transfer(1, 1, target, spans, is_move, Quota(quota, message_quota))
    return await store.write(copying.transfer, store.blobs, order, store.clock())


async def query(store: Store, sql: str) -> list[Row]:
    return await store.db.read(lambda tx: tx.all(sql))


def test_copies_share_the_message_and_keep_flags(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *[LETTER] * 3, flags=5, keywords="a", received=77)
            target = await make(store, 1, "Archive")
            done = await transfer(store, target, Span(3, 3), Span(1, 1))
            assert done == Copied(target.uidvalidity, [3, 1], 1)
            rows = await query(
                store,
                "SELECT uid, flags, keywords, received, size FROM entry"
                f" WHERE mailbox_id = {target.id} ORDER BY uid",
            )
            assert rows == [(1, 5, "a", 77, len(LETTER)), (2, 5, "a", 77, len(LETTER))]
            assert await named(store) == [2, 1, 2]
            usage = await store.usage(1)
            assert (usage.messages, usage.octets) == (5, 5 * len(LETTER))
            box = await store.read(mailboxes.get, 1, "Archive")
            assert (box.messages, box.octets, box.uidnext) == (2, 2 * len(LETTER), 3)

    asyncio.run(run())


def test_a_message_twice_in_one_mailbox_counts_twice(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, LETTER)
            inbox = await store.read(mailboxes.get, 1, "INBOX")
            await transfer(store, inbox, Span(1, 1))
            await transfer(store, inbox, Span(1, 2))
            assert await named(store) == [4]
            assert await store.expunge(1, 1, Span(1, 3), flagged=False) == 3
            assert await named(store) == [1]
            assert await query(store, "SELECT refs FROM message_copies") == []
            assert await store.expunge(1, 1, Span(4, 4), flagged=False) == 1
            assert await query(store, "SELECT refs FROM message") == []
            assert await query(store, "SELECT refs FROM blob") == [(0,)]

    asyncio.run(run())


def test_moving_is_copy_and_expunge_in_one(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *[LETTER] * 3)
            before = await store.usage(1)
            target = await make(store, 1, "Archive")
            done = await transfer(store, target, Span(2, 9), is_move=True, quota=1)
            assert done.sources == [2, 3]
            assert await store.usage(1) == before
            assert await query(store, "SELECT refs FROM message") == [(1,)] * 3
            found = await store.read(news.look, 1, 1, Marks(0, 0), expunges=True)
            assert [row[0] for row in found.vanished] == [2, 3]
            back = await store.read(mailboxes.get, 1, "INBOX")
            assert (back.messages, back.uidnext) == (1, 4)
            again = await transfer(store, back, Span(1, 1), is_move=True)  # to itself
            assert again.first == 4
            assert (await store.read(mailboxes.get, 1, "INBOX")).messages == 1

    asyncio.run(run())


def test_another_account_gets_its_own_row_of_the_same_blob(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *[LETTER] * 2)
            target = await make(store, 2, "Shared")
            await transfer(store, target, Span(1, 2))
            await transfer(store, target, Span(1, 1))
            assert await query(
                store, "SELECT account_id, refs FROM message ORDER BY account_id, id"
            ) == [(1, 1), (1, 1), (2, 2), (2, 1)]
            assert await query(store, "SELECT refs FROM blob") == [(2,), (2,)]
            assert (await store.usage(2)).messages == 3
            await store.remove_account(1)
            assert await query(store, "SELECT refs FROM blob") == [(1,), (1,)]
            await transfer(store, target, Span(1, 1))  # nothing left to copy
            assert (await store.usage(2)).messages == 3

    asyncio.run(run())


def test_a_copy_above_the_quota_copies_nothing(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *[LETTER] * 2)
            target = await make(store, 1, "Archive")
            with pytest.raises(MailboxFull):
                await transfer(store, target, Span(1, 2), quota=len(LETTER) * 3)
            with pytest.raises(MailboxFull):
                await transfer(store, target, Span(1, 2), message_quota=3)
            assert (await store.usage(1)).messages == 2
            await store.delete_mailbox(1, "Archive")
            with pytest.raises(NotFound):
                await transfer(store, target, Span(1, 2))
            assert (await store.usage(1)).messages == 2

    asyncio.run(run())
