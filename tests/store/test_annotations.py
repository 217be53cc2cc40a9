"""Annotations as they are kept."""

import asyncio
from pathlib import Path

import pytest

from postroom.errors import NotFound
from postroom.store import annotations, mailboxes
from postroom.store.annotations import Change, NoRoom, TooLong, TooMany
from postroom.store.store import Store
from tests.access.shop import shop
from tests.conftest import Opener

OWNER, MEMBER = 1, 2


def private(name: str, value: bytes | None) -> Change:
    return Change(f"/private/{name}", value, is_private=True)


def shared(name: str, value: bytes | None) -> Change:
    return Change(f"/shared/{name}", value, is_private=False)


async def put(store: Store, *changes: Change, person: int = OWNER, mailbox: int = OWNER) -> int:
    return await store.write(annotations.put, OWNER, mailbox, person, changes)


async def names(store: Store, person: int = OWNER, mailbox: int = OWNER) -> list[str]:
    return [one.name for one in await store.read(annotations.known, mailbox, person)]


async def rows(store: Store) -> int:
    found = await store.db.read(lambda tx: tx.one("SELECT count(*) FROM annotation"))
    return int(found[0]) if found else -1


def test_whose_they_are(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await store.furnish(OWNER)
            await put(store, private("a", b"1"), shared("B", b"\0\xff"))
            await put(store, private("a", b"22"), person=MEMBER)
            assert [
                (one.written, one.size)
                for one in await store.read(annotations.known, OWNER, MEMBER)
            ] == [("/private/a", 2), ("/shared/B", 2)]
            for person, value in ((OWNER, b"1"), (MEMBER, b"22")):
                assert await store.read(annotations.value, OWNER, person, "/private/A") == value
            asked = ["/private/a", "/shared/b", "/shared/c"]
            assert await store.read(annotations.values, [OWNER, 77], MEMBER, asked) == {
                (OWNER, "/private/a"): b"22",
                (OWNER, "/shared/b"): b"\0\xff",
            }
            assert await store.read(annotations.values, [OWNER], MEMBER, []) == {}
            await put(store, private("a", None), shared("b", None))
            assert await names(store) == []
            assert await store.read(annotations.value, OWNER, OWNER, "/private/a") is None
            assert await names(store, MEMBER) == ["/private/a"]
            with pytest.raises(NotFound):
                await put(store, private("a", b"1"), mailbox=77)

    asyncio.run(run())


def test_a_change_takes_a_modseq(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await store.furnish(OWNER)
            before = (await store.read(mailboxes.get, OWNER, "INBOX")).highestmodseq
            first = await put(store, private("A", b"1"), shared("b", b"1"))
            assert first == before + 1
            second = await put(store, private("a", None))
            assert (await store.read(mailboxes.get, OWNER, "INBOX")).highestmodseq == second
            look = annotations.changed
            assert await store.read(look, OWNER, OWNER, before, second) == [
                ("/private/a", second),
                ("/shared/b", first),
            ]
            assert await store.read(look, OWNER, MEMBER, before, second) == [("/shared/b", first)]
            assert await store.read(look, OWNER, OWNER, first, second) == [("/private/a", second)]
            assert await store.read(look, OWNER, OWNER, before, first) == [("/shared/b", first)]

    asyncio.run(run())


def test_limits_change_nothing(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(annotations, "MAX_ENTRIES", 3)
    monkeypatch.setattr(annotations, "MAX_ROOM", 4 * (annotations.OVERHEAD + 2))

    async def run() -> None:
        async with shop(database, data) as store:
            await store.furnish(OWNER)
            await put(store, private("a", b"1"), shared("b", b"1"))
            with pytest.raises(TooLong):
                await put(store, private("a", b"2"), private("c", b"x" * 65537))
            with pytest.raises(TooMany):
                await put(store, *(private(name, b"2") for name in "abcd"))
            with pytest.raises(NoRoom):
                await put(store, private("a", b"2"), private("c", b"x" * 600))
            assert await names(store) == ["/private/a", "/shared/b"]
            assert await store.read(annotations.value, OWNER, OWNER, "/private/a") == b"1"
            await put(store, private("a", b"22"), private("c", b"22"), shared("d", b"1"))
            with pytest.raises(TooMany):
                await put(store, *(private(name, b"") for name in "de"))
            # the room of a member is the member's, of what all see the owner's
            await put(store, private("a", b"x"), private("b", b"x"), person=MEMBER)
            with pytest.raises(NoRoom):
                await put(store, shared("e", b""), person=MEMBER)
            await put(store, private("a", None))
            await put(store, shared("e", b""), person=MEMBER)

    asyncio.run(run())


def test_few_removed_ones_are_remembered(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(annotations, "_REMOVED", 3)

    async def run() -> None:
        async with shop(database, data) as store:
            await store.furnish(OWNER)
            await put(store, private("kept", b"1"))
            last = 0
            for number in range(10):
                await put(store, private(str(number), b"1"))
                last = await put(store, private(str(number), None))
            found = await store.read(annotations.changed, OWNER, OWNER, 0, last)
            assert [name for name, _ in found] == [
                *(f"/private/{number}" for number in (7, 8, 9)),
                "/private/kept",
            ]

    asyncio.run(run())


def test_they_follow_the_mailbox_and_go_with_it(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await store.furnish(OWNER)
            drafts = (await store.read(mailboxes.get, OWNER, "Drafts")).id
            await put(store, private("a", b"1"), mailbox=drafts)
            await put(store, private("a", b"1"), mailbox=drafts, person=MEMBER)
            await store.write(annotations.copy, drafts, OWNER)
            await put(store, private("b", b"1"))
            assert await names(store) == ["/private/a", "/private/b"]
            await store.write(mailboxes.rename, OWNER, "Drafts", "New", store.clock())
            assert await names(store, MEMBER, drafts) == ["/private/a"]
            await store.delete_mailbox(OWNER, "New")
            assert await names(store, MEMBER, drafts) == []
            assert await rows(store) == 3
            await store.write(annotations.put_at_server, OWNER, [private("x", b"1")], 7, 0)
            await store.write(annotations.put_at_server, OWNER, [shared("x", b"1")], 8, 0)
            await store.remove_account(OWNER)
            assert await names(store, OWNER, annotations.SERVER) == ["/shared/x"]
            assert await rows(store) == 1

    asyncio.run(run())


def test_marks_of_the_server(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            write = annotations.put_at_server
            await store.write(write, OWNER, [private("A", b"1"), shared("b", b"1")], 7, 0)
            await store.write(write, MEMBER, [private("a", b"1")], 8, 0)
            assert await store.read(annotations.marks, OWNER) == {"/private/A": 7, "/shared/b": 7}
            await store.write(write, OWNER, [private("a", None)], 9, 0)
            assert await store.read(annotations.marks, OWNER) == {"/private/a": 9, "/shared/b": 7}
            assert await store.read(annotations.marks, MEMBER) == {"/private/a": 8, "/shared/b": 7}

    asyncio.run(run())
