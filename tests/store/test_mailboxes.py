"""Mailboxes: made, renamed, buried, counted, subscribed."""

import asyncio

import pytest

from postroom.errors import AlreadyExists, Invalid, NotFound
from postroom.store import mailboxes
from postroom.store.filing import file_letters
from tests.conftest import Opener
from tests.store.letters import copy, write

NOW = 1_790_000_000_000
IDS = [101, 102, 103, 104, 105]


def test_furnishing_happens_once(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await db.write(lambda tx: file_letters(tx, [[copy(1)]], NOW))
            await db.write(lambda tx: mailboxes.furnish(tx, 1, IDS, NOW))
            found = {box.name: box for box in await db.read(lambda tx: mailboxes.listing(tx, 1))}
            assert list(found) == ["Archive", "Drafts", "INBOX", "Junk", "Sent", "Trash"]
            assert found["Sent"].special_use == "\\Sent"
            assert found["INBOX"].id == 1
            assert found["INBOX"].messages == 1
            assert len({box.uidvalidity for box in found.values()}) == 6
            assert len(await db.read(lambda tx: mailboxes.subscriptions(tx, 1))) == 6
            await db.write(lambda tx: mailboxes.bury(tx, 1, "Archive", NOW))
            await db.write(lambda tx: mailboxes.furnish(tx, 1, [1, 2, 3, 4, 5], NOW))
            assert await db.read(lambda tx: mailboxes.find(tx, 1, "Archive")) is None

    asyncio.run(run())


def test_create_makes_the_superiors(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            made = await db.write(lambda tx: mailboxes.create(tx, 1, "a/b/c", None, IDS, NOW))
            assert (made.name, made.id, made.uidnext, made.messages) == ("a/b/c", 103, 1, 0)
            names = [box.name for box in await db.read(lambda tx: mailboxes.listing(tx, 1))]
            assert names == ["a", "a/b", "a/b/c"]
            with pytest.raises(AlreadyExists):
                await db.write(lambda tx: mailboxes.create(tx, 1, "a/b", None, IDS, NOW))
            with pytest.raises(Invalid):
                await db.write(lambda tx: mailboxes.create(tx, 1, "x", "\\Odd", [9], NOW))
            await db.write(lambda tx: mailboxes.create(tx, 1, "INBOX/x", None, [110, 111], NOW))
            assert (await db.read(lambda tx: mailboxes.get(tx, 1, "INBOX"))).id == 1

    asyncio.run(run())


def test_a_deleted_name_comes_back_with_another_uidvalidity(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            old = await db.write(lambda tx: mailboxes.create(tx, 1, "a", None, [101], NOW))
            await db.write(lambda tx: mailboxes.create(tx, 1, "a/b", None, [102], NOW))
            assert await db.write(lambda tx: mailboxes.bury(tx, 1, "a", NOW)) == 101
            names = [box.name for box in await db.read(lambda tx: mailboxes.listing(tx, 1))]
            assert names == ["a/b"]
            assert await db.read(mailboxes.buried) == [(1, 101)]
            new = await db.write(lambda tx: mailboxes.create(tx, 1, "a", None, [103], NOW))
            assert new.uidvalidity > old.uidvalidity
            with pytest.raises(NotFound):
                await db.write(lambda tx: mailboxes.bury(tx, 1, "x", NOW))
            with pytest.raises(Invalid):
                await db.write(lambda tx: mailboxes.bury(tx, 1, "INBOX", NOW))

    asyncio.run(run())


def test_rename_takes_those_below_along(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            for number, name in enumerate(["a", "a/b", "a/b/c", "a0", "ab", "z"]):
                await write(db, mailboxes.create, 1, name, None, [number + 201], NOW)
            await db.write(lambda tx: mailboxes.create(tx, 2, "a", None, [301], NOW))
            ids = await db.write(lambda tx: mailboxes.rename(tx, 1, "a", "new/a", NOW))
            assert ids == [201, 202, 203]
            names = [box.name for box in await db.read(lambda tx: mailboxes.listing(tx, 1))]
            assert names == ["a0", "ab", "new/a", "new/a/b", "new/a/b/c", "z"]
            assert (await db.read(lambda tx: mailboxes.get(tx, 2, "a"))).id == 301
            await db.write(lambda tx: mailboxes.rename(tx, 1, "new", "old", NOW))
            assert await db.read(lambda tx: mailboxes.find(tx, 1, "old/a/b/c"))
            for old, new, error in [
                ("old/a", "z", AlreadyExists),
                ("nothing", "x", NotFound),
                ("old/a", "old/a/b/d", Invalid),
                ("old/a", "x" * 250 + "/" + "y" * 250 + "/" + "z" * 250 + "/" + "w" * 245, Invalid),
            ]:
                with pytest.raises(error):
                    await write(db, mailboxes.rename, 1, old, new, NOW)

    asyncio.run(run())


def test_status_counts(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            letters = [[copy(1, flags=flags)] for flags in (0, 1, 8, 9)]
            await db.write(lambda tx: file_letters(tx, letters, NOW))
            await db.write(lambda tx: tx.execute("UPDATE mailbox SET recent_uid = 3"))
            counts = await db.read(lambda tx: mailboxes.counts(tx, 1, "INBOX"))
            assert (counts.messages, counts.unseen, counts.deleted, counts.recent) == (4, 2, 2, 1)
            assert (counts.uidnext, counts.size) == (5, 400)
            with pytest.raises(NotFound):
                await db.read(lambda tx: mailboxes.counts(tx, 2, "INBOX"))

    asyncio.run(run())


def test_subscriptions_need_no_mailbox(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            for name in ("b", "a", "b"):
                await write(db, mailboxes.subscribe, 1, name)
            assert await db.read(lambda tx: mailboxes.subscriptions(tx, 1)) == ["a", "b"]
            assert await db.read(lambda tx: mailboxes.subscriptions(tx, 2)) == []
            await db.write(lambda tx: mailboxes.unsubscribe(tx, 1, "a"))
            with pytest.raises(NotFound):
                await db.write(lambda tx: mailboxes.unsubscribe(tx, 1, "a"))

    asyncio.run(run())


def test_an_account_can_be_forgotten(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await db.write(lambda tx: file_letters(tx, [[copy(1)]], NOW))
            await db.write(lambda tx: mailboxes.furnish(tx, 1, IDS, NOW))
            assert len(await db.write(lambda tx: mailboxes.bury_all(tx, 1, NOW))) == 6
            assert await db.read(lambda tx: mailboxes.listing(tx, 1)) == []
            await db.write(lambda tx: mailboxes.forget_account(tx, 1))
            assert not await db.read(lambda tx: mailboxes.is_furnished(tx, 1))

    asyncio.run(run())
