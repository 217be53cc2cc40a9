"""Outlines: brought up to date, whatever has happened, and not too many of them."""

import asyncio
from pathlib import Path

import pytest

from postroom.access.view import FlagChange
from postroom.store import mailboxes, outline as rows, vanished
from postroom.web.jmap import outline
from postroom.web.jmap.box import Box
from postroom.web.jmap.outline import Outline, Outlines, outline_of
from tests.access.shop import opened, put, shop
from tests.conftest import Opener
from tests.web.jmap.followers import account_of, emails_of, shared_with


def test_what_is_large_is_read_in_pages(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outline, "AT_ONCE", 5)
    monkeypatch.setattr(rows, "PAGE", 2)

    async def run() -> None:
        async with shop(database, data) as store:
            account = account_of(store)
            await store.furnish(1)
            await put(store, *[b"\r\na"] * 7)
            await put(store, *[b"\r\na"] * 4, mailbox="Archive")
            found = await outline_of(account)
            assert sorted(map(len, found.boxes.values())) == [0, 0, 0, 0, 4, 7]
            assert await outline_of(account) is found
            view = await opened(store)
            await view.store([(1, 5)], FlagChange("add", 4))  # more than a page: read anew
            await view.store([(7, 7)], FlagChange("add", 8))
            await view.expunge(None)
            now = await outline_of(account)
            fresh = await Outlines(store).of(account)
            assert emails_of(now) == emails_of(fresh)
            assert len(emails_of(now)) == 10

    asyncio.run(run())


def test_what_was_expunged_and_forgotten(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            account = account_of(store)
            await store.furnish(1)
            await put(store, b"\r\na", b"\r\nb")
            await outline_of(account)
            view = await opened(store)
            await view.store([(1, 1)], FlagChange("add", 8))
            await view.expunge(None)
            box = await store.read(mailboxes.get, 1, "INBOX")
            await store.write(vanished.forget, 1, box.highestmodseq)
            assert len((await outline_of(account)).boxes[1]) == 1
            await store.delete_mailbox(1, "Junk")
            assert len((await outline_of(account)).boxes) == 5

    asyncio.run(run())


def test_many_at_once_get_the_same(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            account = account_of(store)
            await store.furnish(1)
            await put(store, b"\r\na")
            found = await asyncio.gather(*[outline_of(account) for _ in range(5)])
            assert len(set(map(id, found))) == 1

    asyncio.run(run())


def test_the_longest_unused_goes_first(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            known = Outlines(store, limit=7_000)  # two accounts with six mailboxes
            accounts = [account_of(store, number) for number in (1, 2, 3)]
            for account in accounts:
                await store.furnish(account.number)
            first = [await known.of(account) for account in accounts]
            assert await known.of(accounts[2]) is first[2]
            assert await known.of(accounts[0]) is not first[0]

    asyncio.run(run())


def test_only_what_may_be_read(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await store.furnish(1)
            await put(store, b"\r\na", flags=1)
            trash = await store.read(mailboxes.get, 1, "Trash")
            some = shared_with(store, 2, rights=frozenset(), mailboxes={1: frozenset("lr")})
            found = await outline_of(some)
            assert list(found.boxes) == [1]
            assert [seen[1] for seen in emails_of(found).values()] == [0]  # not seen by this member
            every = shared_with(store, 2, mailboxes={trash.id: frozenset("l")})
            assert len((await outline_of(every)).boxes) == 5

    asyncio.run(run())


def test_an_email_has_what_its_entries_have() -> None:
    def box(ident: int, flags: int, text: str) -> Box:
        head = rows.Head(ident, str(ident), None, 1, 9, 1, 1, 0)
        return Box.read(head, [[(1, 50, 7, flags, text, 10, 20, 1)]])

    found = Outline({2: box(2, 1, "A b"), 1: box(1, 4, "c"), 3: box(3, 8, "gone")})
    email = found.email(50)
    assert email is not None
    assert (email.mailboxes, email.flags, email.words) == ((1, 2), 5, frozenset("abc"))
    assert email.has("$seen")
    assert email.has("a")
    assert not email.has("gone")
    assert list(email.keywords()) == ["$seen", "$flagged", "a", "b", "c"]
    assert [entry.mailbox_id for entry in found.entries(50)] == [1, 2]
    assert found.of_threads([7, 8]) == {7: [50]}
    assert found.read_elsewhere() == frozenset({50})
    assert found.email(51) is None
