"""Folders of the person who has logged in."""

import asyncio
from pathlib import Path

import pytest

from postroom.access.folders import Folder, Folders
from postroom.access.places import Places
from postroom.errors import AlreadyExists, Invalid, NotFound
from postroom.store import mailboxes
from postroom.store.store import Store
from tests.access.shop import Person, put, shop
from tests.conftest import Opener

LETTER = b"Subject: x\r\n\r\nbody\r\n"


def folders_of(store: Store, account_id: int = 1) -> Folders:
    person = Person(account_id)
    return Folders(person, store, Places(person, store))


def test_the_first_listing_makes_the_usual_mailboxes(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            folders = folders_of(store)
            listed = await folders.list()
            assert [(f.name, f.special_use) for f in listed] == [
                ("INBOX", None),
                ("Archive", "\\Archive"),
                ("Drafts", "\\Drafts"),
                ("Junk", "\\Junk"),
                ("Sent", "\\Sent"),
                ("Trash", "\\Trash"),
            ]
            assert all(f.selectable and f.subscribed and not f.has_children for f in listed)
            await folders.delete("Archive")
            again = await folders_of(store).list()
            assert [f.name for f in again] == ["INBOX", "Drafts", "Junk", "Sent", "Trash"]

    asyncio.run(run())


def test_create_delete_and_the_level_that_stays(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            folders = folders_of(store)
            made = await folders.create("Lists/Python/")
            assert (made.name, made.selectable, made.subscribed) == ("Lists/Python", True, False)
            assert (await folders.create("Bills", "\\Archive")).special_use == "\\Archive"
            by_name = {f.name: f for f in await folders.list()}
            assert by_name["Lists"].selectable
            assert by_name["Lists"].has_children
            for name in ("inbox", "Lists", "bad*name", "a//b", ""):
                with pytest.raises((AlreadyExists, Invalid)):
                    await folders.create(name)
            await folders.delete("Lists")
            by_name = {f.name: f for f in await folders.list()}
            assert by_name["Lists"] == Folder(0, "Lists", None, False, True, False)
            assert by_name["Lists/Python"].selectable
            with pytest.raises(NotFound):
                await folders.delete("Lists")
            with pytest.raises(Invalid):
                await folders.delete("Inbox")
            with pytest.raises(NotFound):
                await folders.status("Lists")

    asyncio.run(run())


def test_renaming_inbox_moves_its_messages(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            folders = folders_of(store)
            await folders.create("INBOX/Sub")
            await put(store, *[LETTER] * 3)
            await folders.rename("inbox", "Old/Mail")
            assert (await folders.status("INBOX")).messages == 0
            assert (await folders.status("Old/Mail")).messages == 3
            assert (await folders.status("INBOX/Sub")).messages == 0
            assert (await store.usage(1)).messages == 3
            await folders.rename("Old", "Older")
            assert (await folders.status("Older/Mail")).uidnext == 4
            with pytest.raises(AlreadyExists):
                await folders.rename("Older/Mail", "INBOX")
            with pytest.raises(AlreadyExists):
                await folders.rename("Older/Mail", "Sent")
            box = await store.read(mailboxes.get, 1, "Older/Mail")
            assert box.uidvalidity > 0

    asyncio.run(run())


def test_subscriptions(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            folders = folders_of(store)
            await folders.subscribe("Not there")
            assert "Not there" in await folders.subscriptions()
            await folders.unsubscribe("inbox")
            assert "INBOX" not in await folders.subscriptions()
            with pytest.raises(NotFound):
                await folders.unsubscribe("inbox")
            with pytest.raises(Invalid):
                await folders.subscribe("a\0b")

    asyncio.run(run())


def test_nobody_sees_what_belongs_to_others(database: Opener, data: Path) -> None:
    """I3: the account is bound to the object."""

    async def run() -> None:
        async with shop(database, data) as store:
            one, two = folders_of(store, 1), folders_of(store, 2)
            await one.create("Secret")
            await put(store, LETTER)
            assert "Secret" not in {f.name for f in await two.list()}
            assert (await two.status("INBOX")).messages == 0
            for act in (two.delete("Secret"), two.status("Secret"), two.rename("Secret", "x")):
                with pytest.raises(NotFound):
                    await act
            assert (await one.status("Secret")).messages == 0

    asyncio.run(run())
