r"""Copies become entries again."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from postroom.errors import MailboxFull, NotFound
from postroom.quota import Quota
from postroom.store import expunged, mailboxes
from postroom.store.expunged import Chosen
from postroom.store.flags import ANSWERED, DELETED, SEEN
from postroom.store.restoring import Restoration, Restored
from postroom.store.spans import Span
from postroom.store.store import Store
from tests.access.shop import audit, put, shop
from tests.conftest import Opener
from tests.store.letters import query

LETTER = b"Subject: x\r\n\r\nbody\r\n"
WEIGHT = len(LETTER)


async def copies(store: Store, account_id: int = 1) -> list[int]:
    return [one.id for one in await store.read(expunged.oldest, account_id, Chosen(), limit=999)]


async def make(store: Store, name: str) -> int:
    ids = [store.ids.next() for _ in name]
    made = await store.write(mailboxes.create, 1, name, None, ids, store.clock())
    return made.id


async def restore(
    store: Store, chosen: Sequence[int], target: str = "", quota: int = 0
) -> Restored:
    return await store.restore(1, Restoration(chosen, target, Quota(quota)))


def test_messages_come_back_with_flags_and_date_and_new_uids(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data, keeps_expunged=True) as store:
            await put(store, *[LETTER] * 3, flags=DELETED | SEEN | ANSWERED, keywords="a b")
            await put(store, LETTER, received=77)
            before = await store.usage(1)
            await store.expunge(1, 1, Span(2, 4), flagged=False)
            box = await store.read(mailboxes.get, 1, "INBOX")
            done = await restore(store, await copies(store))
            assert done == Restored(3, 3 * WEIGHT, {1: ("INBOX", 3)})
            sql = "SELECT uid, flags, keywords, received, modseq FROM entry ORDER BY uid"
            now = store.clock()
            assert await store.read(query, sql) == [
                (1, DELETED | SEEN | ANSWERED, "a b", now, 2),
                (5, SEEN | ANSWERED, "a b", now, box.highestmodseq + 1),
                (6, SEEN | ANSWERED, "a b", now, box.highestmodseq + 1),
                (7, 0, "", 77, box.highestmodseq + 1),
            ]
            assert await store.usage(1) == before
            assert await copies(store) == []
            assert await restore(store, [5]) == Restored(0, 0, {})
            await audit(store)

    asyncio.run(run())


def test_sessions_are_woken(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data, keeps_expunged=True) as store:
            await put(store, LETTER)
            await store.expunge(1, 1, Span(1, 1), flagged=False)
            woken = asyncio.Event()
            stop = store.notify.subscribe(1, woken.set)
            await restore(store, await copies(store))
            await asyncio.wait_for(woken.wait(), 60)
            stop()

    asyncio.run(run())


def test_each_goes_back_to_where_it_was(database: Opener, data: Path) -> None:
    """A mailbox that was renamed is the same; one that is gone comes back, superiors too."""

    async def run() -> None:
        async with shop(database, data, keeps_expunged=True) as store:
            await put(store, LETTER)
            for name in ("Renamed", "Gone/Below", "Again"):
                await put(store, *[LETTER] * 2, mailbox=await make(store, name))
            await store.expunge(1, 1, Span(1, 1), flagged=False)
            renamed = await store.read(mailboxes.get, 1, "Renamed")
            await store.expunge(1, renamed.id, Span(1, 2), flagged=False)
            await store.write(mailboxes.rename, 1, "Renamed", "Other", store.clock())
            for name in ("Gone/Below", "Gone", "Again"):
                await store.delete_mailbox(1, name)
            again = await make(store, "Again")
            done = await restore(store, await copies(store))
            below = await store.read(mailboxes.get, 1, "Gone/Below")
            assert done.mailboxes == {
                1: ("INBOX", 1),
                renamed.id: ("Other", 2),
                below.id: ("Gone/Below", 2),
                again: ("Again", 2),
            }
            assert await store.read(mailboxes.subscriptions, 1) == ["Gone/Below"]
            await audit(store)

    asyncio.run(run())


def test_all_go_to_one_mailbox_if_that_is_wanted(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data, keeps_expunged=True) as store:
            await put(store, *[LETTER] * 2)
            await put(store, *[LETTER] * 2, mailbox=await make(store, "Work"))
            await store.expunge(1, 1, Span(1, 2), flagged=False)
            await store.delete_mailbox(1, "Work")
            ids = await copies(store)
            done = await restore(store, ids[:3], "Found/again")
            assert list(done.mailboxes.values()) == [("Found/again", 3)]
            box = await store.read(mailboxes.get, 1, "Found/again")
            assert (box.messages, box.octets, box.uidnext) == (3, 3 * WEIGHT, 4)
            assert (await restore(store, ids, "INBOX")).messages == 1
            await audit(store)

    asyncio.run(run())


def test_the_inbox_is_made_where_there_is_none(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data, keeps_expunged=True) as store:
            await put(store, LETTER, mailbox=await make(store, "Work"))
            await store.delete_mailbox(1, "Work")
            await restore(store, await copies(store), "INBOX")
            assert (await store.read(mailboxes.get, 1, "INBOX")).id == 1
            await audit(store)

    asyncio.run(run())


def test_above_the_quota_nothing_comes_back(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data, keeps_expunged=True) as store:
            await put(store, *[LETTER] * 3)
            await store.expunge(1, 1, Span(2, 3), flagged=False)
            ids = await copies(store)
            with pytest.raises(MailboxFull):
                await restore(store, ids, "Found", quota=3 * WEIGHT - 1)
            with pytest.raises(MailboxFull):
                await store.restore(1, Restoration(ids, "Found", Quota(messages=2)))
            with pytest.raises(NotFound):
                await store.read(mailboxes.get, 1, "Found")
            assert await copies(store) == ids
            await audit(store)
            assert (await restore(store, ids, quota=3 * WEIGHT)).messages == 2

    asyncio.run(run())


def test_copies_of_others_do_not_come(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data, keeps_expunged=True) as store:
            await put(store, LETTER, account_id=2)
            await store.expunge(2, 2, Span(1, 1), flagged=False)
            theirs = await copies(store, 2)
            assert await restore(store, theirs, "INBOX") == Restored(0, 0, {})
            assert await copies(store, 2) == theirs
            await audit(store)

    asyncio.run(run())


def test_two_who_restore_the_same_get_it_once(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data, keeps_expunged=True) as store:
            await put(store, *[LETTER] * 5)
            await store.expunge(1, 1, Span(1, 5), flagged=False)
            ids = await copies(store)
            done = await asyncio.gather(
                restore(store, ids), store.purge(1, ids[:2]), restore(store, ids[1:])
            )
            assert done[0].messages + done[1].messages + done[2].messages == 5
            assert await copies(store) == []
            await audit(store)

    asyncio.run(run())
