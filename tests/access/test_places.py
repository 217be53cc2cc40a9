"""Mailboxes by the names under which a person reaches them."""

import asyncio
from pathlib import Path
from typing import cast

import pytest

from postroom.access import rights
from postroom.access.places import LATELY_MS, Labels, Place, Places, is_of_others
from postroom.db.database import Tx
from postroom.directory import accounts
from postroom.errors import NotAllowed, NotFound
from postroom.store import mailboxes
from postroom.store.flags import DELETED, FLAGGED, SEEN
from tests.access.neighbours import ALICE, BOB, CAROL, TEAM, neighbours
from tests.access.shop import Person, shop
from tests.conftest import Opener
from tests.directory.town import at
from tests.fakes import Clock

INBOX = "Other Users/alice@demo.test/INBOX"


def test_own_mailboxes_come_with_all_rights(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            places = Places(Person(), store)
            inbox = await places.get("inbox")
            assert (inbox.name, inbox.mailbox.account_id, inbox.member) == ("INBOX", 1, None)
            assert inbox.rights == rights.ALL
            assert (await places.get("Drafts")).mailbox.special_use == "\\Drafts"
            assert await places.again(inbox) is inbox

    asyncio.run(run())


def test_a_name_without_mailbox_is_not_found(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await Places(Person(2), store).get("INBOX")
            for name in ("Nowhere", "", "INBOX/below", "\x1fburied", "Other Users", INBOX):
                with pytest.raises(NotFound):
                    await Places(Person(), store).get(name)

    asyncio.run(run())


def test_who_files_message_after_message_is_answered_from_memory(
    database: Opener, data: Path
) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            places = Places(Person(), store)
            drafts = await places.lately("Drafts")
            assert drafts == await places.get("Drafts")
            assert await places.lately("Drafts") is drafts
            assert (await places.lately("INBOX")).name == "INBOX"
            drafts = await places.lately("Drafts")
            await store.write(mailboxes.rename, 1, "Drafts", "Old", store.clock())
            assert await places.lately("Drafts") is drafts  # another process did that
            store.wake_names(2)  # something was renamed here
            with pytest.raises(NotFound):
                await places.lately("Drafts")
            old = await places.lately("Old")
            await store.write(mailboxes.rename, 1, "Old", "Drafts", store.clock())
            assert await places.lately("Old") is old
            cast("Clock", store.clock).advance(LATELY_MS)
            with pytest.raises(NotFound):
                await places.lately("Old")

    asyncio.run(run())


def test_mailboxes_of_others_are_below_their_address(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with neighbours(database, data) as people:
            bob = people.places(BOB)
            for name in (INBOX, "Other Users/alice@demo.test", "Other Users/"):
                with pytest.raises(NotFound):
                    await bob.get(name)
            await people.share(ALICE, "INBOX", "bob@demo.test", "lrs")
            place = await bob.get(INBOX.replace("INBOX", "inbox"))
            assert (place.name, place.member) == (INBOX, BOB)
            assert (place.mailbox.account_id, place.rights) == (ALICE, frozenset("lrs"))
            for name in ("Drafts", "Nowhere", "", "\x1f1"):
                with pytest.raises(NotFound):
                    await bob.get(f"Other Users/alice@demo.test/{name}")
            with pytest.raises(NotFound):
                await people.places(CAROL).get(INBOX)
            await people.share(ALICE, "", TEAM, "lr")
            assert (await people.place(CAROL, INBOX)).rights == frozenset("lr")
            assert (await bob.get("Other Users/alice@demo.test/Drafts")).rights == frozenset("lr")

    asyncio.run(run())


def test_a_right_that_is_lacking_is_named_to_who_may_know_of_the_mailbox(
    database: Opener, data: Path
) -> None:
    async def run() -> None:
        async with neighbours(database, data) as people:
            await people.share(ALICE, "INBOX", "bob@demo.test", "lrs")
            place = await people.place(BOB, INBOX)
            place.require(rights.READ, rights.SEEN)
            with pytest.raises(NotAllowed, match="may not add messages to"):
                place.require(rights.READ, rights.INSERT)
            await people.share(ALICE, "INBOX", "bob@demo.test", "i")
            hidden = await people.place(BOB, INBOX)
            hidden.require(rights.INSERT)
            with pytest.raises(NotFound):
                hidden.require(rights.READ)
            await people.share(ALICE, "INBOX", "bob@demo.test", "r")
            unlisted = await people.place(BOB, INBOX)
            with pytest.raises(NotAllowed, match="may not expunge"):
                unlisted.require(rights.EXPUNGE)
            with pytest.raises(NotFound):
                unlisted.require(rights.ADMINISTER)
            for nothing in ("s", "wte", "p"):  # RFC 4314 §4: these let nobody know
                await people.share(ALICE, "INBOX", "bob@demo.test", nothing)
                with pytest.raises(NotFound):
                    await people.place(BOB, INBOX)

    asyncio.run(run())


def test_rights_are_those_of_now(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with neighbours(database, data) as people:
            await people.share(ALICE, "INBOX", TEAM, "lrs")
            bob = people.places(BOB)
            place = await bob.get(INBOX)
            assert await bob.again(place) is place
            await people.share(ALICE, "INBOX", TEAM, "l")
            assert (await bob.again(place)).rights == frozenset("l")
            await people.share(ALICE, "INBOX", TEAM, "")
            assert (await bob.again(place)).rights == frozenset()

    asyncio.run(run())


def test_names_follow_the_owner_and_have_one_spelling(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with neighbours(database, data) as people:
            await people.share(ALICE, "INBOX", "anyone", "lr")
            bob = people.places(BOB)
            assert await bob.canonical("inbox/x") == "INBOX/x"
            assert await bob.canonical("Other Users/alice@demo.test/inbox") == INBOX
            unknown = "Other Users/nobody@demo.test/inbox"
            assert await bob.canonical(unknown) == unknown

            def rename(tx: Tx) -> None:
                account = accounts.require(tx, at("alice@demo.test"))
                accounts.rename(tx, account, at("a/b@demo.test"), keep_id=None)

            await people.directory.change(rename)
            place = await bob.get("Other Users/a/b@demo.test/INBOX")
            assert place.mailbox.id == ALICE
            with pytest.raises(NotFound):
                await bob.get(INBOX)
            assert [one.name for one in await bob.shared()] == [place.name]

    asyncio.run(run())


@pytest.mark.parametrize(
    ("name", "is_theirs"),
    [
        ("Other Users", True),
        ("Other Users/x", True),
        ("Other Users2", False),
        ("other users/x", False),
        ("x/Other Users", False),
    ],
)
def test_the_namespace_is_one_name(name: str, is_theirs: bool) -> None:
    assert is_of_others(name) is is_theirs


def test_flags_of_a_new_message_need_their_rights(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with neighbours(database, data) as people:
            own = await people.place(ALICE, "INBOX")
            assert own.labels(SEEN | FLAGGED, ["b", "a"]) == Labels(SEEN | FLAGGED, "a b")
            mailbox = own.mailbox

            def labels(letters: str) -> Labels:
                place = Place("x", mailbox, frozenset(letters), BOB)
                return place.labels(SEEN | FLAGGED | DELETED, ["a"])

            assert labels("i") == Labels(0, "")
            assert labels("is") == Labels(0, "", BOB)
            assert labels("iw") == Labels(FLAGGED, "a")
            assert labels("ist") == Labels(DELETED, "", BOB)
            assert Place("x", mailbox, frozenset("is"), BOB).labels(FLAGGED, []) == Labels(0, "")

    asyncio.run(run())
