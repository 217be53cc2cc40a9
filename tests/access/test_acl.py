"""Access control lists on the entries that the postmaster's commands use."""

import asyncio
from pathlib import Path

import pytest

from postroom.access import rights as letters
from postroom.access.acl import AccessList
from postroom.directory import version
from postroom.errors import Invalid, NotAllowed, NotFound
from tests.access.neighbours import ALICE, BOB, CAROL, TEAM, Neighbours, neighbours
from tests.conftest import Opener

INBOX = "Other Users/alice@demo.test/INBOX"
BOBS, CAROLS = "bob@demo.test", "carol@demo.test"


async def access_list(
    people: Neighbours, who: int = ALICE, name: str = "INBOX", *, may_open: bool = False
) -> AccessList:
    place = await people.place(who, name)
    return AccessList(place, people.directory, may_open=may_open)


async def entries(people: Neighbours, name: str = "INBOX") -> dict[str, str]:
    found = await (await access_list(people, name=name)).entries()
    return {identifier: letters.written(rights) for identifier, rights in found}


def test_who_may_administer(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with neighbours(database, data) as people:
            await people.share(ALICE, "INBOX", BOBS, "lr")
            with pytest.raises(NotAllowed):
                await access_list(people, BOB, INBOX)
            await people.share(ALICE, "INBOX", BOBS, "r")
            with pytest.raises(NotFound):  # nobody may know who may not see it in lists
                await access_list(people, BOB, INBOX)
            await people.share(ALICE, "INBOX", BOBS, "a")
            await (await access_list(people, BOB, INBOX)).change(CAROLS, "replace", frozenset("l"))
            assert await entries(people) == {
                "alice@demo.test": "lrswipkxtea",
                BOBS: "a",
                CAROLS: "l",
            }
            # whoever gives the right away has it no more
            await (await access_list(people, BOB, INBOX)).change(BOBS, "replace", frozenset("l"))
            with pytest.raises(NotAllowed):
                await access_list(people, BOB, INBOX)

    asyncio.run(run())


def test_entries_of_the_account_count_until_the_mailbox_has_its_own(
    database: Opener, data: Path
) -> None:
    async def run() -> None:
        async with neighbours(database, data) as people:
            await people.share(ALICE, "", TEAM, "lr")
            assert (await entries(people))[TEAM] == "lr"
            found = await access_list(people)
            await found.change(TEAM, "add", frozenset("s"))
            assert (await entries(people))[TEAM] == "lrs"
            assert (await entries(people, "Drafts"))[TEAM] == "lr"
            await found.change(TEAM, "replace", frozenset())  # DELETEACL takes it out
            assert TEAM not in await entries(people)
            with pytest.raises(NotFound):
                await people.place(CAROL, INBOX)
            await found.change(TEAM, "remove", frozenset("l"))
            assert TEAM not in await entries(people)
            await found.change(TEAM, "add", frozenset("l"))
            assert (await entries(people))[TEAM] == "l"

    asyncio.run(run())


def test_everybody_is_for_the_postmaster(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with neighbours(database, data) as people:
            found = await access_list(people)
            for identifier in ("anyone", "@demo.test"):
                with pytest.raises(NotAllowed):
                    await found.change(identifier, "add", frozenset("l"))
                assert await found.grantable(identifier) == (frozenset(), frozenset())
                await people.share(ALICE, "INBOX", identifier, "lrs")
                assert (await entries(people))[identifier] == "lrs"
                with pytest.raises(NotAllowed):
                    await found.change(identifier, "replace", frozenset("li"))
                await found.change(identifier, "remove", frozenset("s"))
                assert (await entries(people))[identifier] == "lr"
                await found.change(identifier, "replace", frozenset())
                assert identifier not in await entries(people)
                opened = await access_list(people, may_open=True)
                assert await opened.grantable(identifier) == (frozenset(), letters.ALL)
                await opened.change(identifier, "add", frozenset("l"))
                assert (await entries(people))[identifier] == "l"

    asyncio.run(run())


def test_identifiers_that_name_nobody(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with neighbours(database, data) as people:
            found = await access_list(people)
            for identifier in ("x@demo.test", "x@y.test", "@y.test", "bob", "-" + BOBS, "@"):
                with pytest.raises(Invalid):
                    await found.change(identifier, "replace", frozenset("l"))
                with pytest.raises(Invalid):
                    await found.grantable(identifier)
            with pytest.raises(Invalid, match="always has all rights"):
                await found.change("alice@demo.test", "remove", frozenset("l"))
            await found.change("ALICE@demo.test", "add", frozenset("l"))
            assert await found.grantable("ALICE@demo.test") == (letters.ALL, frozenset())

    asyncio.run(run())


def test_what_changes_nothing_wakes_nobody(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with neighbours(database, data) as people:
            found = await access_list(people)
            await found.change(BOBS, "add", frozenset("lr"))
            before = await people.store.db.read(version.read)
            await found.change(BOBS, "add", frozenset("l"))
            await found.change(BOBS, "remove", frozenset("w"))
            await found.change(CAROLS, "replace", frozenset())
            assert await people.store.db.read(version.read) == before

    asyncio.run(run())
