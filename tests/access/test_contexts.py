"""Contexts: whoever applies every update has the result that a new search would give."""

import asyncio
import random
from array import array
from collections.abc import Sequence
from pathlib import Path

import pytest

from postroom.access import contexts
from postroom.access.contexts import Change, Context, Contexts, Update, settled
from postroom.access.kept import Kept
from postroom.access.numbering import STAR
from postroom.access.search import search
from postroom.access.sort import Program, sort
from postroom.access.view import View
from postroom.protocol.imap import search as keys
from postroom.protocol.imap.search import SearchKey
from postroom.protocol.imap.sets import MAX_NUMBER, SAVED
from postroom.protocol.imap.sort import Criterion, SortKey
from postroom.store.entries import FlagChange
from postroom.store.flags import DELETED, FLAGGED, SEEN
from postroom.store.spans import Span
from tests.access.shop import opened, put, shop
from tests.conftest import Opener

BY_SUBJECT = (Criterion(SortKey.SUBJECT), Criterion(SortKey.SIZE, is_reverse=True))
SEARCHES: list[tuple[SearchKey, Program]] = [
    (keys.Flag(FLAGGED), ()),
    (keys.Flag(SEEN, is_set=False), BY_SUBJECT),
    (keys.All(), (Criterion(SortKey.SIZE),)),
    (keys.Or(keys.Subject("b"), keys.Not(keys.Flag(DELETED))), ()),
    (keys.And((keys.Body("word"), keys.Flag(FLAGGED, is_set=False))), BY_SUBJECT),
]


def context(number: int, key: SearchKey, program: Program, uids: Sequence[int]) -> Context:
    return Context(b"%d" % number, key, program, True, (), array("I", uids))


class Client:
    """Applies updates as RFC 5267 §4.3 tells, one pair after the other."""

    def __init__(self, key: SearchKey, program: Program, uids: Sequence[int]) -> None:
        self.key, self.program = key, program
        self.result = list(uids)

    def apply(self, update: Update) -> None:
        for change in update.removed:
            self.remove(change)
        for place, uids in update.added:
            if place:
                self.result[place - 1 : place - 1] = uids
            else:
                self.result = sorted([*self.result, *uids])

    def remove(self, change: Change) -> None:
        place, uids = change
        if place:
            assert self.result[place - 1 : place - 1 + len(uids)] == uids
            del self.result[place - 1 : place - 1 + len(uids)]
        else:
            self.result = [uid for uid in self.result if uid not in uids]

    async def check(self, view: View) -> None:
        expected = await search(view, self.key)
        if self.program:
            expected = await sort(view, expected, self.program, Kept())
        there = await search(view, keys.All())  # without those whose expunge is withheld
        found = [uid for uid in self.result if uid in there]
        assert found == expected, (self.key, self.program)
        assert set(self.result) <= set(view.numbering.uids)


def letter(chance: random.Random) -> bytes:
    subject = chance.choice(["a", "b", "Re: b", "c", ""])
    return f"Subject: {subject}\r\n\r\n{chance.choice(['word', 'other', 'x' * 9])}\r\n".encode()


async def happen(chance: random.Random, view: View) -> None:
    """Something happens to the mailbox, by this session or another one."""
    store = view.source
    uids = list(view.numbering.uids)
    what = chance.random()
    if what < 0.3 or not uids:
        await put(store, *[letter(chance) for _ in range(chance.randint(1, 4))],
                  flags=chance.choice([0, SEEN, FLAGGED]))  # fmt: skip
    elif what < 0.5:
        uid = chance.choice(uids)
        await store.expunge(1, 1, Span(uid, uid + chance.randint(0, 2)), flagged=False)
    else:
        other = view if chance.random() < 0.5 else await opened(store)
        uid = chance.choice(uids)
        bits = chance.choice([SEEN, FLAGGED, DELETED])
        change = FlagChange(chance.choice(["add", "remove"]), bits)
        await other.store([(uid, uid + chance.randint(0, 3))], change)


@pytest.mark.parametrize("most", [0, 1000])
@pytest.mark.parametrize("seed", range(2))
def test_a_mailbox_that_changes(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch, seed: int, most: int
) -> None:
    """``most`` 0: with every change the results are searched for anew."""
    monkeypatch.setattr(contexts, "MOST_CHANGED", most)
    monkeypatch.setattr(contexts, "RANGES", 2)
    chance = random.Random(seed)

    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *[letter(chance) for _ in range(10)])
            view = await opened(store)
            watched = Contexts(view, Kept(), await view.modseq())
            clients: dict[bytes, Client] = {}
            for number, (key, program) in enumerate(SEARCHES):
                uids = await search(view, key)
                uids = await sort(view, uids, program, Kept()) if program else uids
                watched.add(context(number, key, program, uids))
                clients[b"%d" % number] = Client(key, program, uids)
            for _ in range(25):
                for _ in range(chance.randint(0, 3)):
                    await happen(chance, view)
                changes = await view.refresh(expunges=chance.random() < 0.7)
                for update in await watched.expunged(changes.vanished):
                    clients[update.context.tag].apply(update)
                last = view.last_uid
                async for update in watched.look():
                    assert all(uid <= last for uid in update.fresh)
                    clients[update.context.tag].apply(update)
                for client in clients.values():
                    await client.check(view)
                assert [update async for update in watched.look()] == []

    asyncio.run(run())


def test_numbers_are_those_of_the_moment(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *[b"Subject: x\r\n\r\n"] * 5)
            await store.expunge(1, 1, Span(2, 2), flagged=False)
            view = await opened(store)
            view.saved = [(3, 4)]

            def by_number(*ranges: tuple[int, int]) -> SearchKey:
                return settled(view, keys.Numbers(ranges, by_uid=False))

            def by_uid(*ranges: tuple[int, int]) -> SearchKey:
                return settled(view, keys.Numbers(ranges, by_uid=True))

            def uids(*ranges: tuple[int, int]) -> SearchKey:
                return keys.Numbers(ranges, by_uid=True)

            assert by_number((2, 3)) == uids((3, 4))
            assert by_number((2, STAR)) == uids((3, 5))
            assert by_number(*SAVED) == by_uid(*SAVED) == uids((3, 4))
            assert by_uid((2, STAR), (7, 9)) == uids((2, MAX_NUMBER), (7, 9))
            assert by_uid((STAR, STAR)) == uids((5, 5))
            tree = keys.Or(keys.Not(keys.Numbers(((1, 1),), by_uid=False)), keys.And((keys.All(),)))
            assert settled(view, tree) == keys.Or(keys.Not(uids((1, 1))), keys.And((keys.All(),)))
            await store.expunge(1, 1, Span(1, 9), flagged=False)
            await view.refresh(expunges=True)
            assert by_uid((STAR, STAR)) == uids((MAX_NUMBER, MAX_NUMBER))

    asyncio.run(run())


def test_there_is_room_for_some(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, b"\r\n")
            view = await opened(store)
            watched = Contexts(view, Kept(), 1)
            key = keys.All()
            assert not watched.has_room(keys.Not(keys.Within(5, is_older=True)), (), 1)
            assert not watched.has_room(key, BY_SUBJECT, contexts.MOST_SORTED + 1)
            assert watched.has_room(key, (), contexts.MOST_RESULTS)
            watched.add(context(0, key, (), [1]))
            assert not watched.has_room(key, (), contexts.MOST_RESULTS)
            for number in range(1, contexts.MOST):
                assert watched.has_room(key, (), 1)
                watched.add(context(number, key, (), [1]))
            assert not watched.has_room(key, (), 1)
            assert b"0" in watched
            watched.cancel(b"0")
            assert b"0" not in watched
            assert watched.has_room(key, (), 1)

    asyncio.run(run())


def test_a_message_that_changes_while_its_expunge_is_withheld(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *[b"\r\n"] * 3, flags=FLAGGED)
            view = await opened(store)
            watched = Contexts(view, Kept(), await view.modseq())
            watched.add(context(0, keys.Flag(FLAGGED), (), [1, 2, 3]))
            other = await opened(store)
            await other.store([(1, 2)], FlagChange("remove", FLAGGED))
            await store.expunge(1, 1, Span(2, 3), flagged=False)
            changes = await view.refresh(expunges=False)
            assert changes.vanished == []
            (update,) = [update async for update in watched.look()]
            assert (update.removed, update.added) == ([(0, [1])], [])
            changes = await view.refresh(expunges=True)
            (gone,) = await watched.expunged(changes.vanished)
            assert gone.removed == [(0, [2, 3])]
            assert [update async for update in watched.look()] == []

    asyncio.run(run())
