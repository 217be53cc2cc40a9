"""What is mended is right afterwards; mending twice, or when all is well, changes nothing."""

import asyncio
from pathlib import Path

import pytest

from postroom.store import mailboxes, mending
from tests.access.shop import audit, put, shop
from tests.conftest import Opener
from tests.store.letters import query
from tests.store.test_audit import injure

EVERYTHING = (
    "SELECT * FROM mailbox ORDER BY id",
    "SELECT * FROM usage ORDER BY account_id",
    "SELECT account_id, id, refs FROM message ORDER BY id",
    "SELECT * FROM message_copies",
    "SELECT account_id, mailbox_id, uid, message_id FROM entry ORDER BY mailbox_id, uid",
    "SELECT * FROM entry_block ORDER BY mailbox_id, block",
    "SELECT id, refs, freed_at FROM blob ORDER BY id",
)


@pytest.mark.parametrize(
    "injuries",
    [
        [],
        ["UPDATE mailbox SET messages = 9, octets = 9, uidnext = 1, highestmodseq = 0"],
        ["UPDATE usage SET messages = 9, octets = 9"],
        ["INSERT INTO message_copies SELECT account_id, id, 2 FROM message"],
        ["DELETE FROM entry_block"],
        ["UPDATE entry_block SET modseq = 0"],
        ["UPDATE message SET refs = refs + 1"],
        ["UPDATE blob SET refs = 7, freed_at = 5"],
        ["DELETE FROM entry WHERE uid = 1", "UPDATE message SET refs = 0"],
        [
            "DELETE FROM message WHERE id = (SELECT min(id) FROM message)",
            "DELETE FROM entry WHERE uid = 1",
        ],
    ],
)
def test_counters_become_what_the_rows_say(
    database: Opener, data: Path, injuries: list[str]
) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await store.furnish(1)
            await put(store, b"A: 1\r\n\r\n", b"B: 2\r\n\r\n")
            await injure(store, *injuries)

            async def mend() -> None:
                now = store.clock()
                for row in await store.read(query, "SELECT id FROM mailbox ORDER BY id"):
                    await store.write(mending.recount_mailbox, 1, row[0], now)
                await store.write(mending.recount_usage, 1, now)
                await store.write(mending.recount_messages, 1, store.ids.next(), now)
                ids = [row[0] for row in await store.read(query, "SELECT id FROM blob")]
                await store.write(mending.recount_blobs, ids, now)

            before = [await store.read(query, one) for one in EVERYTHING]
            await mend()
            await audit(store)
            once = [await store.read(query, one) for one in EVERYTHING]
            await mend()
            assert [await store.read(query, one) for one in EVERYTHING] == once
            assert injuries or once == before

    asyncio.run(run())


def test_a_message_of_no_mailbox_comes_back(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, b"A: 1\r\n\r\n", b"B: 2\r\n\r\n", received=77)
            await injure(store, "DELETE FROM entry WHERE uid = 1")
            await store.write(mending.recount_mailbox, 1, 1, 0)
            assert await store.write(mending.recount_messages, 1, 500, 0) == 1
            target = await store.read(mailboxes.get, 1, mending.RECOVERED)
            assert (target.id, target.messages) == (500, 1)
            entry = "SELECT uid, received FROM entry WHERE mailbox_id = 500"
            assert await store.read(query, entry) == [(1, 77)]
            assert mending.RECOVERED in await store.read(mailboxes.subscriptions, 1)
            await audit(store)

    asyncio.run(run())
