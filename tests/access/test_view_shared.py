"""The view of a mailbox that somebody else shares: rights, and a member's own \\Seen."""

import asyncio
from pathlib import Path

import pytest

from postroom.access import loading
from postroom.access.search import search
from postroom.access.view import FlagChange, View
from postroom.errors import MailboxFull, NotAllowed, NotFound
from postroom.protocol.imap.search import Flag
from postroom.store.entries import Action
from postroom.store.flags import DELETED, FLAGGED, SEEN
from tests.access.neighbours import ALICE, BOB, CAROL, TEAM, Neighbours, neighbours
from tests.access.shop import audit, put
from tests.conftest import Opener

LETTER = b"Subject: x\r\n\r\nbody\r\n"
INBOX = "Other Users/alice@demo.test/INBOX"
EVERY = [(1, 100)]


async def flags(view: View) -> dict[int, int]:
    pages = [page async for page in loading.rows(view, EVERY, need=frozenset())]
    return {row.uid: row.flags for page in pages for row in page}


async def mark(view: View, action: Action, bits: int, *uids: int) -> list[int]:
    ranges = [(uid, uid) for uid in uids] or EVERY
    told = await view.store(ranges, FlagChange(action, bits))
    return [one.flags for one in told.flagged]


async def news(view: View) -> list[tuple[int, int]]:
    return [(one.uid, one.flags) for one in (await view.refresh(expunges=True)).flags]


def test_it_can_be_opened_by_who_may_read(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with neighbours(database, data) as people:
            await people.share(ALICE, "INBOX", "bob@demo.test", "li")
            with pytest.raises(NotAllowed):
                await people.view(BOB, INBOX)
            await people.share(ALICE, "INBOX", "bob@demo.test", "i")
            with pytest.raises(NotFound):
                await people.view(BOB, INBOX)
            await people.share(ALICE, "INBOX", "bob@demo.test", "r")
            view = await people.view(BOB, INBOX)
            assert (view.name, view.flag_mask, view.may_name) == (INBOX, 0, False)
            for rights, is_writable in (("lrs", False), ("lri", True), ("lre", True)):
                await people.share(ALICE, "INBOX", "bob@demo.test", rights)
                assert (await people.view(BOB, INBOX)).is_writable is is_writable
                assert not (await people.view(BOB, INBOX, read_only=True)).is_writable

    asyncio.run(run())


def test_seen_is_the_members_own(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with neighbours(database, data) as people:
            await put(people.store, *[LETTER] * 3, account_id=ALICE)
            await people.share(ALICE, "INBOX", TEAM, "lrsw")
            alice = await people.view(ALICE, "INBOX")
            bob, other = await people.view(BOB, INBOX), await people.view(BOB, INBOX)
            carol = await people.view(CAROL, INBOX)
            assert await mark(bob, "add", SEEN, 1, 2) == [SEEN, SEEN]
            assert await news(bob) == []
            assert await news(other) == [(1, SEEN), (2, SEEN)]
            assert await news(alice) == await news(carol) == []
            assert await flags(alice) == await flags(carol) == {1: 0, 2: 0, 3: 0}
            assert await mark(alice, "add", SEEN, 3) == [SEEN]
            # the owner's \Seen is nobody else's: members hear that the message has changed
            assert await news(bob) == [(3, 0)]
            assert await mark(carol, "add", SEEN | FLAGGED, 1) == [SEEN | FLAGGED]
            assert await news(alice) == [(1, FLAGGED)]
            assert await news(other) == [(1, SEEN | FLAGGED), (3, 0)]
            assert await flags(bob) == {1: SEEN | FLAGGED, 2: SEEN, 3: 0}
            unseen = Flag(SEEN, False)
            assert await search(alice, unseen) == [1, 2]
            assert await search(bob, unseen) == [3]
            assert await search(carol, unseen) == [2, 3]
            assert await mark(bob, "remove", SEEN) == [FLAGGED, 0, 0]
            assert await flags(alice) == {1: FLAGGED, 2: 0, 3: SEEN}
            again = await people.view(CAROL, INBOX)
            assert (again.first_unseen, (await people.view(BOB, INBOX)).first_unseen) == (2, 1)
            assert (await people.view(ALICE, "INBOX")).first_unseen == 1

    asyncio.run(run())


def test_only_the_members_sessions_wake_for_what_a_member_has_seen(
    database: Opener, data: Path
) -> None:
    async def run() -> None:
        async with neighbours(database, data) as people:
            await put(people.store, LETTER, account_id=ALICE)
            await people.share(ALICE, "INBOX", TEAM, "lrsw")
            woken: list[str] = []
            views = {
                "alice": await people.view(ALICE, "INBOX"),
                "bob": await people.view(BOB, INBOX),
                "carol": await people.view(CAROL, INBOX),
            }
            ends = [
                view.wake(lambda name=name: woken.append(name))  # type: ignore[misc]
                for name, view in views.items()
            ]
            phone = await people.view(BOB, INBOX)

            async def after(action: Action, bits: int) -> list[str]:
                woken.clear()
                await mark(phone, action, bits)
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                return sorted(woken)

            assert await after("add", SEEN) == ["bob"]
            assert await after("remove", SEEN) == ["bob"]
            assert await after("add", FLAGGED) == ["alice", "bob", "carol"]
            assert await after("replace", SEEN) == ["alice", "bob", "carol"]
            for end in ends:
                end()
            assert people.store.notify.watched() == []

    asyncio.run(run())


def test_flags_take_their_rights(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with neighbours(database, data) as people:
            await put(people.store, LETTER, account_id=ALICE, flags=FLAGGED, keywords="k")
            await people.share(ALICE, "INBOX", "bob@demo.test", "lrs")
            view = await people.view(BOB, INBOX)
            # what may be changed is, the rest stays (RFC 4314 §4)
            assert await mark(view, "add", SEEN | DELETED) == [SEEN | FLAGGED]
            assert await mark(view, "replace", DELETED) == [FLAGGED]
            words = frozenset({"new"})
            (told,) = (await view.store(EVERY, FlagChange("add", SEEN, words))).flagged
            assert (told.flags, told.keywords) == (SEEN | FLAGGED, "k")
            assert list(view.keywords) == ["k"]
            for bits in (DELETED, FLAGGED, DELETED | FLAGGED):
                with pytest.raises(NotAllowed):
                    await mark(view, "add", bits)
            with pytest.raises(NotAllowed):
                await view.store(EVERY, FlagChange("remove", 0, frozenset({"k"})))
            assert await mark(view, "add", 0) == [SEEN | FLAGGED]  # asks for nothing
            await people.share(ALICE, "INBOX", "bob@demo.test", "lrt")
            view = await people.view(BOB, INBOX)
            with pytest.raises(NotAllowed):
                await mark(view, "add", SEEN)
            assert await mark(view, "replace", 0) == [SEEN | FLAGGED]
            await people.share(ALICE, "INBOX", "bob@demo.test", "lr")
            view = await people.view(BOB, INBOX)
            with pytest.raises(NotAllowed):
                await mark(view, "replace", 0)

    asyncio.run(run())


def test_expunging_takes_its_right(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with neighbours(database, data) as people:
            await put(people.store, LETTER, LETTER, account_id=ALICE, flags=DELETED)
            await people.share(ALICE, "INBOX", "bob@demo.test", "lrt")
            view = await people.view(BOB, INBOX)
            with pytest.raises(NotAllowed):
                await view.expunge(None)
            await view.close(expunge=True)  # closes all the same (RFC 4314 §4)
            assert (await people.view(ALICE, "INBOX")).exists == 2
            await people.share(ALICE, "INBOX", "bob@demo.test", "lre")
            view = await people.view(BOB, INBOX)
            await view.expunge([(1, 1)])
            assert (await people.view(ALICE, "INBOX")).exists == 1
            await view.close(expunge=True)
            assert (await people.view(ALICE, "INBOX")).exists == 0

    asyncio.run(run())


async def _full(people: Neighbours, target: str) -> None:
    view = await people.view(BOB, "INBOX")
    with pytest.raises(MailboxFull):
        await view.copy(EVERY, await people.place(BOB, target))


def test_copies_take_the_right_to_insert_and_the_owners_room(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with neighbours(database, data, {ALICE: 2 * len(LETTER)}) as people:
            await put(people.store, *[LETTER] * 3, account_id=BOB, flags=SEEN | FLAGGED)
            view = await people.view(BOB, "INBOX")
            await people.share(ALICE, "INBOX", "bob@demo.test", "lrs")
            with pytest.raises(NotAllowed):
                await view.copy([(1, 1)], await people.place(BOB, INBOX))
            await people.share(ALICE, "INBOX", "bob@demo.test", "lris")
            await _full(people, INBOX)
            await view.copy([(1, 1)], await people.place(BOB, INBOX))
            assert (await people.store.usage(ALICE)).messages == 1
            assert await flags(await people.view(ALICE, "INBOX")) == {1: 0}
            assert await flags(await people.view(BOB, INBOX)) == {1: SEEN}  # no right w
            # moving out of it takes rights on both sides
            theirs = await people.view(BOB, INBOX)
            for rights in ("lr", "lrt", "lre"):
                await people.share(ALICE, "INBOX", "bob@demo.test", rights)
                theirs.place = await people.place(BOB, INBOX)
                with pytest.raises(NotAllowed):
                    await theirs.move([(1, 1)], await people.place(BOB, "Drafts"))
            await people.share(ALICE, "INBOX", "bob@demo.test", "lrte")
            theirs.place = await people.place(BOB, INBOX)
            await theirs.move([(1, 1)], await people.place(BOB, "Drafts"))
            assert await flags(await people.view(BOB, "Drafts")) == {1: SEEN}
            assert (await people.view(ALICE, "INBOX")).exists == 0
            await audit(people.store)

    asyncio.run(run())
