"""Watching mailboxes: each change is told once."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

import pytest

from postroom.access.folders import Folders, Status
from postroom.access.places import Places
from postroom.access.view import FlagChange
from postroom.access.watching import Annotated, Counted, News, Watching
from postroom.errors import StorageFailed
from postroom.notify import DIRECTORY
from postroom.protocol.imap.notify import Event, EventGroup, Watched
from postroom.store.store import Store
from tests.access.neighbours import ALICE, BOB, neighbours
from tests.access.shop import Person, opened, put, shop
from tests.conftest import Opener

LETTER = b"Subject: x\r\n\r\nbody\r\n"
MESSAGES = frozenset((Event.MESSAGE_NEW, Event.MESSAGE_EXPUNGE))
NAMES = frozenset((Event.MAILBOX_NAME, Event.SUBSCRIPTION_CHANGE))


def folders_of(store: Store) -> Folders:
    return Folders(Person(), store, Places(Person(), store))


def told(news: Iterable[News]) -> list[str]:
    words = []
    for item in news:
        if isinstance(item, Counted):
            words.append(f"{item.name} {item.status.messages}")
        elif isinstance(item, Annotated):
            words.append(f"{item.name}: {' '.join(item.entries)}")
        else:
            gone = " gone" if item.is_gone else ""
            words.append(f"{item.old_name}>{item.folder.name}{gone}")
    return words


def test_all_groups_count(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            folders = folders_of(store)
            await folders.create("Work/Old")
            woken = asyncio.Event()
            groups = [
                EventGroup(Watched.MAILBOXES, names=("Junk", "Nowhere")),
                EventGroup(Watched.SUBTREE, MESSAGES, ("Work",)),
                EventGroup(Watched.SUBSCRIBED, MESSAGES | NAMES),
            ]
            watching = Watching(folders, store, groups, woken.set)
            assert await watching.begin(0, with_status=False) == []
            await put(store, LETTER)
            for name in ("Junk", "Work/Old", "Archive"):
                await put(store, LETTER, mailbox=name)
            await asyncio.wait_for(woken.wait(), 60)
            assert sorted(told(await watching.look(0))) == [
                "Archive 1",
                "INBOX 1",
                "Junk 1",
                "Work/Old 1",
            ]
            assert await watching.look(0) == []
            watching.close()
            assert store.notify.watched() == []

    asyncio.run(run())


def test_flags_are_an_event_of_their_own(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            folders = folders_of(store)
            await put(store, LETTER, LETTER)
            without, with_flags = [
                Watching(folders, store, [EventGroup(Watched.PERSONAL, events)], lambda: None)
                for events in (MESSAGES, MESSAGES | {Event.FLAG_CHANGE})
            ]
            for watching in (without, with_flags):
                began = await watching.begin(0, with_status=True)
                assert {item.name: item.status.messages for item in began}["INBOX"] == 2
            view = await opened(store)
            await view.store([(1, 1)], FlagChange("add", 8), silent=True)
            assert told(await without.look(0)) == []
            assert told(await with_flags.look(0)) == ["INBOX 2"]
            await view.expunge(None)
            assert told(await without.look(0)) == ["INBOX 1"]
            assert told(await with_flags.look(view.mailbox_id)) == []  # it is the selected one

    asyncio.run(run())


def test_names(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            folders = folders_of(store)
            groups = [EventGroup(Watched.SUBTREE, NAMES, ("A",))]
            watching = Watching(folders, store, groups, lambda: None)
            await watching.begin(0, with_status=True)
            await folders.create("A/B")
            await folders.create("C")
            assert told(await watching.look(0)) == [">A", ">A/B"]
            await folders.rename("A/B", "D")  # out of the subtree
            assert told(await watching.look(0)) == ["A/B>D", ">A"]  # A has no others below
            await folders.subscribe("A")
            await folders.subscribe("D")
            assert told(await watching.look(0)) == [">A"]
            await folders.delete("A")
            assert told(await watching.look(0)) == [">A gone"]

    asyncio.run(run())


def test_many_changes_at_once_are_told_in_an_order_that_can_be_followed(
    database: Opener, data: Path
) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            folders = folders_of(store)
            for name in ("A", "B/C/D", "E", "F"):
                await folders.create(name)
            watching = Watching(folders, store, [EventGroup(Watched.PERSONAL, NAMES)], lambda: None)
            await watching.begin(0, with_status=False)
            await folders.delete("A")
            await folders.rename("B", "A")  # takes the name that has become free
            await folders.rename("F", "G")
            await folders.rename("E", "F")
            await folders.create("E")
            assert told(await watching.look(0)) == [">A gone", "B>A", "F>G", "E>F", ">E"]
            await folders.rename("F", "X")
            await folders.rename("G", "F")
            await folders.rename("X", "G")  # each has the other's name now
            assert sorted(told(await watching.look(0))) == ["F>G", "G>F"]

    asyncio.run(run())


def test_shares_that_come_and_go_are_told(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with neighbours(database, data) as people:
            await people.folders(ALICE).create("Work")
            inbox, work = "Other Users/alice@demo.test/INBOX", "Other Users/alice@demo.test/Work"
            woken = asyncio.Event()
            groups = [
                EventGroup(Watched.SUBTREE, MESSAGES | NAMES, ("Other Users",)),
                EventGroup(Watched.PERSONAL, MESSAGES),
            ]
            watching = Watching(people.folders(BOB), people.store, groups, woken.set)
            await watching.begin(0, with_status=False)
            people.store.notify.publish([DIRECTORY])
            await asyncio.wait_for(woken.wait(), 60)
            await people.share(ALICE, "INBOX", "bob@demo.test", "lr")
            await people.share(ALICE, "Work", "bob@demo.test", "l")
            assert told(await watching.look(0)) == [
                f">{inbox}",
                f">{work}",
                f"{inbox} 0",
            ]
            await put(people.store, LETTER, account_id=ALICE)
            await put(people.store, LETTER, account_id=ALICE, mailbox="Work")
            assert told(await watching.look(0)) == [f"{inbox} 1"]  # Work can't be read
            woken.clear()
            await people.folders(ALICE).rename("Work", "Play")
            await asyncio.wait_for(woken.wait(), 60)
            assert told(await watching.look(0)) == [f"{work}>{work.replace('Work', 'Play')}"]
            await people.share(ALICE, "INBOX", "bob@demo.test", "")
            assert told(await watching.look(0)) == [f">{inbox} gone"]
            watching.close()
            assert people.store.notify.watched() == []

    asyncio.run(run())


def test_what_could_not_be_looked_at_is_told_the_next_time(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            folders = folders_of(store)
            groups = [EventGroup(Watched.PERSONAL, MESSAGES | NAMES)]
            watching = Watching(folders, store, groups, lambda: None)
            await watching.begin(0, with_status=False)
            await folders.create("New")
            await put(store, LETTER)
            with monkeypatch.context() as broken:
                broken.setattr(folders, "status", failing)
                with pytest.raises(StorageFailed):
                    await watching.look(0)
            assert sorted(told(await watching.look(0))) == [">New", "INBOX 1", "New 0"]
            assert await watching.look(0) == []

    asyncio.run(run())


async def failing(_name: str) -> Status:
    raise StorageFailed
