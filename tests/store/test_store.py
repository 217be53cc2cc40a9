"""The facade: wake-ups, quota, work of several transactions."""

import asyncio
from pathlib import Path

import pytest

from postroom.errors import NotFound
from postroom.quota import NO_QUOTA, Quota
from postroom.store import mailboxes, vanished
from postroom.store.spans import Span
from tests.access.shop import put, shop
from tests.conftest import Opener

LETTER = b"Subject: x\r\n\r\nbody\r\n"


def test_deleting_wakes_the_sessions_that_look(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            made = await store.write(
                mailboxes.create, 1, "Old", None, [store.ids.next()], store.clock()
            )
            await put(store, LETTER, mailbox=made.id)
            woken = asyncio.Event()
            stop = store.notify.subscribe(made.id, woken.set)
            await store.delete_mailbox(1, "Old")
            await asyncio.wait_for(woken.wait(), 60)
            stop()
            with pytest.raises(NotFound):
                await store.delete_mailbox(1, "Old")

    asyncio.run(run())


def test_the_quota_is_asked_only_where_there_is_one(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, LETTER)
            assert not await store.is_full(1, NO_QUOTA)
            assert not await store.is_full(1, Quota(len(LETTER) + 1, 2))
            assert await store.is_full(1, Quota(len(LETTER)))
            assert await store.is_full(1, Quota(messages=1))

    asyncio.run(run())


def test_furnishing_and_removing_an_account(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await store.furnish(1)
            await store.furnish(1)
            await put(store, *[LETTER] * 3)
            assert len(await store.read(mailboxes.listing, 1)) == 6
            await put(store, LETTER, account_id=2)
            await store.remove_account(1)
            assert await store.read(mailboxes.listing, 1) == []
            assert (await store.usage(1)).messages == 0
            assert len(await store.read(mailboxes.listing, 2)) == 1

    asyncio.run(run())


def test_old_expunges_are_forgotten_in_every_mailbox(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vanished, "KEPT", 3)
    monkeypatch.setattr(vanished, "CHUNK", 2)
    monkeypatch.setattr(vanished, "MAILBOXES", 2)

    async def run() -> None:
        async with shop(database, data) as store:
            await store.furnish(1)
            boxes = [(await store.read(mailboxes.get, 1, name)).id for name in ("Sent", "Trash")]
            for box in (1, *boxes):
                await put(store, *[LETTER] * 9, mailbox=box)
            for box in (1, boxes[1]):
                for uid in range(1, 8):
                    await store.expunge(1, box, Span(uid, uid), flagged=False)
            assert await store.forget_expunges() == 2
            for box in (1, boxes[1]):
                rows, _ = await store.read(vanished.page, box, 0)
                assert [row[0] for row in rows] == [5, 6, 7]
            assert await store.forget_expunges() == 0

    asyncio.run(run())
