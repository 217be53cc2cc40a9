"""Each fault of the store is seen, and nothing else."""

import asyncio
from pathlib import Path

import pytest

from postroom.db.database import Tx
from postroom.store import audit
from postroom.store.audit import WrongBlob, WrongMailbox, WrongMessage
from postroom.store.store import Store
from tests.access.shop import put, shop
from tests.conftest import Opener


async def injure(store: Store, *statements: str) -> None:
    def run(tx: Tx) -> None:
        for statement in statements:
            tx.execute(statement)

    await store.db.write(run)


async def found(store: Store) -> list[object]:
    """All that the audit sees."""
    faults: list[object] = []
    after = 0
    while True:
        page, after = await store.read(audit.wrong_mailboxes, after)
        faults += page
        if not after:
            break
    while True:
        accounts, after = await store.read(audit.wrong_usages, after)
        faults += accounts
        if not after:
            break
    for account in await store.read(audit.accounts, 0):
        faults += await store.read(audit.wrong_messages, account)
        faults += await store.read(audit.lost_entries, account)
        faults += await store.read(audit.without_blob, account)
    return faults + await store.read(audit.wrong_blobs)


@pytest.mark.parametrize(
    ("injury", "kinds"),
    [
        ("UPDATE mailbox SET messages = messages + 1", [WrongMailbox, int]),
        ("UPDATE mailbox SET octets = 0", [WrongMailbox, int]),
        ("UPDATE mailbox SET uidnext = 1", [WrongMailbox]),
        ("UPDATE mailbox SET highestmodseq = 1", [WrongMailbox]),
        ("UPDATE entry_block SET modseq = modseq - 1", [WrongMailbox]),
        ("DELETE FROM entry_block", [WrongMailbox]),
        ("UPDATE usage SET octets = octets + 1", [int]),
        ("UPDATE message SET refs = 5", [WrongMessage, WrongMessage]),
        (
            "INSERT INTO message_copies SELECT account_id, id, 1 FROM message",
            [WrongMessage, WrongMessage],
        ),
        ("DELETE FROM entry WHERE uid = 1", [WrongMailbox, WrongMessage]),
        ("DELETE FROM message WHERE id = (SELECT min(id) FROM message)", [tuple, WrongBlob]),
        ("DELETE FROM blob WHERE id = (SELECT min(id) FROM blob)", [int]),
        ("UPDATE blob SET refs = refs + 1", [WrongBlob, WrongBlob]),
        ("UPDATE blob SET freed_at = 1", [WrongBlob, WrongBlob]),
    ],
)
def test_each_fault_is_seen(database: Opener, data: Path, injury: str, kinds: list[type]) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, b"A: 1\r\n\r\n", b"B: 2\r\n\r\n")
            assert await found(store) == []
            await injure(store, injury)
            assert [type(one) for one in await found(store)] == kinds

    asyncio.run(run())


def test_pages_go_on(database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "PAGE", 2)

    async def run() -> None:
        async with shop(database, data) as store:
            for account in range(1, 6):
                await store.furnish(account)
                await put(store, b"A: 1\r\n\r\n", account_id=account)
            await injure(store, "UPDATE mailbox SET octets = 1", "UPDATE usage SET messages = 9")
            after, mailboxes, accounts = 0, 0, 0
            while True:
                page, after = await store.read(audit.wrong_mailboxes, after)
                mailboxes += len(page)
                if not after:
                    break
            while True:
                some, after = await store.read(audit.wrong_usages, after)
                accounts += len(some)
                if not after:
                    break
            assert (mailboxes, accounts) == (30, 5)
            assert await store.read(audit.accounts, 2) == [3, 4]

    asyncio.run(run())


def test_who_has_a_blob(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, b"A: 1\r\n\r\n", account_id=1)
            blob = await store.read(lambda tx: tx.all("SELECT blob_id FROM message"))
            assert await store.read(audit.holders, blob[0][0]) == [(1, "INBOX", 1)]
            assert await store.read(audit.holders, 5) == []

    asyncio.run(run())
