"""Annotations for a person: the rest is in the transcripts."""

import asyncio
from pathlib import Path

import pytest

from postroom.access.annotations import ADMIN, Annotations
from postroom.directory.login import Identity
from postroom.errors import NotAllowed, NotFound
from postroom.notify import DIRECTORY
from postroom.store import annotations, mailboxes, uses
from postroom.store.uses import BadUse
from tests.access.neighbours import ALICE, BOB, PEOPLE, Neighbours, neighbours
from tests.conftest import Opener

ROOT = "Other Users/alice@demo.test"


def of(people: Neighbours, who: int, *, is_admin: bool = False) -> Annotations:
    address = next(address for address, ident in PEOPLE.items() if ident == who)
    person = Identity(who, address, "", is_admin, 1)
    return Annotations(person, people.store, people.places(who))


def test_depths_and_sizes(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with neighbours(database, data) as people:
            mine = of(people, ALICE)
            await mine.change("INBOX", [("/private/A", b"1"), ("/private/a/b", b"22")])
            found = await mine.find("INBOX", ["/PRIVATE/A", "/private/a"], "1", None)
            assert found.entries == [("/private/a", b"1"), ("/private/a/b", b"22")]
            found = await mine.find("INBOX", ["/private/A", "/private/x"], "0", 0)
            assert (found.entries, found.longest) == ([("/private/x", None)], 1)
            found = await mine.find("INBOX", ["/private"], "1", 1)
            assert (found.entries, found.longest) == ([("/private/A", b"1")], 0)
            found = await mine.find("INBOX", ["/private"], "infinity", 1)
            assert (found.entries, found.longest) == ([("/private/A", b"1")], 2)
            assert (await mine.find("Sent", ["/private"], "infinity", None)).entries == [
                (uses.ENTRY, b"\\Sent")
            ]

    asyncio.run(run())


def test_what_of_the_server_all_see_is_for_administrators(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with neighbours(database, data) as people:
            heard: list[int] = []
            for key in (DIRECTORY, -ALICE):
                people.store.notify.subscribe(key, lambda key=key: heard.append(key))  # type: ignore[misc]
            entry = "/shared/comment"
            with pytest.raises(NotAllowed):
                await of(people, BOB).change("", [("/private/x", b"1"), (entry, b"2")])
            with pytest.raises(NotAllowed):
                await of(people, ALICE, is_admin=True).change("", [(ADMIN, b"2")])
            chief = of(people, ALICE, is_admin=True)
            written = await chief.change("", [(entry, b"2")])
            assert list(written.modseqs) == [annotations.SERVER]
            await asyncio.sleep(0)
            assert heard == [-ALICE]  # the directory's hint is the office's to give
            found = await of(people, BOB).find("", [entry, ADMIN, "/private/x"], "0", None)
            assert found.entries == [
                (entry, b"2"),
                (ADMIN, b"mailto:postmaster@demo.test"),
                ("/private/x", None),
            ]

    asyncio.run(run())


def test_a_refused_change_leaves_everything(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with neighbours(database, data) as people:
            mine = of(people, ALICE)
            await mine.change("Sent", [("/private/a", b"1")])
            before = await people.store.read(mailboxes.get, ALICE, "Sent")
            for entries, error in (
                ([("/private/a", b"2"), (uses.ENTRY, b"\\Nothing")], BadUse),
                ([(uses.ENTRY, b"\\Junk"), ("/private/b", b"x" * 70_000)], annotations.TooLong),
            ):
                with pytest.raises(error):
                    await mine.change("Sent", entries)
            assert await people.store.read(mailboxes.get, ALICE, "Sent") == before
            junk = await people.store.read(mailboxes.get, ALICE, "Junk")
            assert junk.special_use == "\\Junk"
            found = await mine.find("Sent", ["/private"], "infinity", None)
            assert found.entries == [("/private/a", b"1"), (uses.ENTRY, b"\\Sent")]

    asyncio.run(run())


def test_many_mailboxes_at_once(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with neighbours(database, data) as people:
            await of(people, ALICE).change("Sent", [("/shared/a", b"1"), ("/private/b", b"2")])
            await people.share(ALICE, "Sent", "bob@demo.test", "lr")
            await people.share(ALICE, "Junk", "bob@demo.test", "l")
            theirs = of(people, BOB)
            await theirs.change(f"{ROOT}/Sent", [("/private/b", b"3")])
            listed = {one.name: one for one in await people.folders(BOB).list()}
            asked = ["/shared/A", "/private/b", uses.ENTRY]
            found = await theirs.among(list(listed.values()), asked)
            assert found[listed[f"{ROOT}/Sent"].id] == [
                ("/shared/A", b"1"),
                ("/private/b", b"3"),
                (uses.ENTRY, None),
            ]
            assert found[listed["Sent"].id][2] == (uses.ENTRY, b"\\Sent")
            assert listed[f"{ROOT}/Junk"].id not in found
            with pytest.raises(NotFound):
                await theirs.find(f"{ROOT}/Trash", ["/private"], "0", None)

    asyncio.run(run())
