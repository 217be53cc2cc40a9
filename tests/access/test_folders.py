"""Folders of the person who has logged in."""

import asyncio
from pathlib import Path

import pytest

from postroom.access.folders import Folder, Folders
from postroom.access.places import Places
from postroom.errors import AlreadyExists, Invalid, NotAllowed, NotFound
from postroom.store import mailboxes
from postroom.store.entries import FlagChange
from postroom.store.store import Store
from tests.access.neighbours import ALICE, BOB, CAROL, Neighbours, neighbours
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
            assert (await folders.create("Bills", ["\\Archive"])).special_use == "\\Archive"
            by_name = {f.name: f for f in await folders.list()}
            assert by_name["Lists"].selectable
            assert by_name["Lists"].has_children
            for name in ("inbox", "Lists", "bad*name", "a//b", ""):
                with pytest.raises((AlreadyExists, Invalid)):
                    await folders.create(name)
            await folders.delete("Lists")
            by_name = {f.name: f for f in await folders.list()}
            assert by_name["Lists"] == Folder(0, "Lists", None, False, True, False, frozenset())
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


ROOT = "Other Users/alice@demo.test"


async def names_of(people: Neighbours, who: int) -> list[str]:
    return [folder.name for folder in await people.folders(who).list() if folder.is_of_others]


def test_shared_mailboxes_are_listed_with_their_levels(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with neighbours(database, data) as people:
            await people.folders(ALICE).create("Work/Old")
            assert await names_of(people, BOB) == []
            await people.share(ALICE, "Work/Old", "bob@demo.test", "lr")
            await people.share(ALICE, "Drafts", "bob@demo.test", "r")  # not to be seen in lists
            listed = {folder.name: folder for folder in await people.folders(BOB).list()}
            shared = listed[f"{ROOT}/Work/Old"]
            assert (shared.selectable, shared.rights) == (True, frozenset("lr"))
            assert [name for name in listed if name.startswith("Other")] == [
                "Other Users",
                ROOT,
                f"{ROOT}/Work",
                f"{ROOT}/Work/Old",
            ]
            for level in ("Other Users", ROOT, f"{ROOT}/Work"):
                folder = listed[level]
                assert (folder.selectable, folder.has_children) == (False, True)
                assert folder.rights == frozenset()
            await people.share(ALICE, "", "anyone", "l")
            listed = {folder.name: folder for folder in await people.folders(CAROL).list()}
            assert listed[f"{ROOT}/Sent"].special_use is None  # a client looks for its own
            assert listed["Sent"].special_use == "\\Sent"
            await people.folders(CAROL).subscribe(f"{ROOT}/inbox")
            (found,) = [f for f in await people.folders(CAROL).list() if f.name == f"{ROOT}/INBOX"]
            assert found.subscribed
            await people.folders(CAROL).unsubscribe(f"{ROOT}/inbox")
            assert f"{ROOT}/INBOX" not in await people.folders(CAROL).subscriptions()

    asyncio.run(run())


def test_mailboxes_are_made_where_the_one_above_allows_it(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with neighbours(database, data) as people:
            alice, bob = people.folders(ALICE), people.folders(BOB)
            await alice.create("Work")
            for name in ("Other Users", "Other Users/x", f"{ROOT}/x", f"{ROOT}/Work/x"):
                with pytest.raises(NotAllowed):
                    await bob.create(name)
            await people.share(ALICE, "Work", "bob@demo.test", "lrk")
            await people.share(ALICE, "Work", "carol@demo.test", "l")
            made = await bob.create(f"{ROOT}/Work/New/Deep/")
            assert made.name == f"{ROOT}/Work/New/Deep"
            assert made.rights == frozenset("lrk")  # inherited
            assert await names_of(people, CAROL) == [
                "Other Users",
                ROOT,
                f"{ROOT}/Work",
                f"{ROOT}/Work/New",
                f"{ROOT}/Work/New/Deep",
            ]
            with pytest.raises(AlreadyExists):
                await bob.create(f"{ROOT}/Work/New")
            with pytest.raises(Invalid):
                await bob.create(f"{ROOT}/Work/a*b")
            with pytest.raises(Invalid):
                await bob.create(f"{ROOT}/Work/Used", ["\\Archive"])
            with pytest.raises(NotAllowed):  # nothing above it but the account
                await bob.create(f"{ROOT}/Top")
            await people.share(ALICE, "", "bob@demo.test", "k")
            assert (await bob.create(f"{ROOT}/Top")).rights == frozenset("k")
            # what the owner makes below a shared mailbox is shared at once
            await alice.create("Work/Mine")
            assert f"{ROOT}/Work/Mine" in await names_of(people, CAROL)
            await alice.rename("INBOX", "Work/Before")
            assert f"{ROOT}/Work/Before" in await names_of(people, CAROL)

    asyncio.run(run())


def test_what_is_taken_out_of_a_shared_account_stays_out(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with neighbours(database, data) as people:
            alice = people.folders(ALICE)
            await alice.create("Private")
            await people.share(ALICE, "", "bob@demo.test", "lrk")
            await people.share(ALICE, "Private", "bob@demo.test", "")
            await alice.create("Private/Letters")
            await alice.create("Public")
            found = await names_of(people, BOB)
            assert f"{ROOT}/Public" in found
            assert not [name for name in found if "Private" in name]
            with pytest.raises(NotAllowed):
                await people.folders(BOB).create(f"{ROOT}/Private/Mine")

    asyncio.run(run())


def test_deleting_and_renaming_take_the_right_to(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with neighbours(database, data) as people:
            alice, bob = people.folders(ALICE), people.folders(BOB)
            for name in ("Work/Old/Older", "Desk", "Shelf"):
                await alice.create(name)
            await people.share(ALICE, "Work", "bob@demo.test", "lrkx")
            await people.share(ALICE, "Work/Old", "bob@demo.test", "lrx")
            await people.share(ALICE, "Desk", "bob@demo.test", "lrk")
            with pytest.raises(NotAllowed, match="may not delete"):
                await bob.delete(f"{ROOT}/Desk")
            with pytest.raises(NotFound):
                await bob.delete(f"{ROOT}/Shelf")
            for old, new in [
                ("Desk", "Table"),  # not this one
                ("Work/Old", "Work/New"),  # not the one below it
                ("Work/Old", "Shelf/Old"),  # not there
            ]:
                with pytest.raises(NotAllowed):
                    await bob.rename(f"{ROOT}/{old}", f"{ROOT}/{new}")
            await people.share(ALICE, "Work/Old/Older", "bob@demo.test", "x")
            for old, new in [
                (f"{ROOT}/Work/Old", "Mine"),  # not out of the account
                ("Drafts", f"{ROOT}/Work/Drafts"),  # nor into it
                (f"{ROOT}/Work/Old", "Other Users/carol@demo.test/x"),
            ]:
                with pytest.raises(NotAllowed):
                    await bob.rename(old, new)
            await bob.rename(f"{ROOT}/Work/Old", f"{ROOT}/Desk/New")
            assert {f.name for f in await alice.list()} >= {"Desk/New", "Desk/New/Older"}
            # rights stay with the mailbox
            assert f"{ROOT}/Desk/New" in await names_of(people, BOB)
            await bob.delete(f"{ROOT}/Desk/New")
            assert "Desk/New/Older" in {f.name for f in await alice.list() if f.selectable}
            await people.share(ALICE, "", "bob@demo.test", "lrkx")
            for name in ("INBOX", "inbox"):
                with pytest.raises(NotAllowed):
                    await bob.rename(f"{ROOT}/{name}", f"{ROOT}/Letters")
                with pytest.raises(Invalid):
                    await bob.delete(f"{ROOT}/{name}")
            # a mailbox that is made again is shared with nobody
            await people.share(ALICE, "", "bob@demo.test", "")
            await alice.delete("Work")
            await alice.create("Work")
            assert f"{ROOT}/Work" not in await names_of(people, BOB)
            assert (
                await people.store.db.read(
                    lambda tx: tx.all(
                        "SELECT 1 FROM share s LEFT JOIN mailbox b ON b.id = s.mailbox_id"
                        " WHERE s.mailbox_id > 0 AND b.id IS NULL"
                    )
                )
                == []
            )

    asyncio.run(run())


def test_status_is_a_members_own(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with neighbours(database, data) as people:
            await put(people.store, LETTER, LETTER, account_id=ALICE, flags=1)
            await people.share(ALICE, "INBOX", "bob@demo.test", "lrs")
            await people.share(ALICE, "INBOX", "carol@demo.test", "l")
            bob = people.folders(BOB)
            assert (await bob.status(f"{ROOT}/INBOX")).unseen == 2
            assert (await people.folders(ALICE).status("INBOX")).unseen == 0
            with pytest.raises(NotAllowed):
                await people.folders(CAROL).status(f"{ROOT}/INBOX")
            with pytest.raises(NotFound):
                await bob.status(f"{ROOT}/Drafts")

    asyncio.run(run())


def test_many_are_counted_like_one(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with neighbours(database, data) as people:
            await put(people.store, LETTER, LETTER, account_id=ALICE, flags=1)
            await put(people.store, LETTER, account_id=ALICE, flags=8)
            await put(people.store, LETTER, account_id=BOB)
            await people.share(ALICE, "", "bob@demo.test", "lrs")
            await people.share(ALICE, "Drafts", "bob@demo.test", "l")
            bob = people.folders(BOB)
            view = await people.view(BOB, f"{ROOT}/INBOX")
            await view.store([(1, 1)], FlagChange("add", 1), silent=True)
            listed = await bob.list()
            counted = await bob.statuses(listed)
            readable = [one for one in listed if one.id and one.name != f"{ROOT}/Drafts"]
            assert set(counted) == {one.id for one in readable}
            for folder in readable:
                assert counted[folder.id] == await bob.status(folder.name)
            assert counted[ALICE].unseen == 2
            assert await bob.statuses([]) == {}

    asyncio.run(run())
