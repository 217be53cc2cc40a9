"""The outline of an account's mail, and what of it has changed."""

import asyncio
from pathlib import Path

import pytest

from postroom.access.view import FlagChange
from postroom.store import mailboxes, outline, vanished
from tests.access.shop import opened, put, shop
from tests.conftest import Opener


def test_rows_are_those_of_the_entries(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await store.furnish(1)
            (one,) = await put(store, b"Subject: a\r\n\r\nb", keywords="x y", flags=4, thread_id=7)
            heads = await store.read(outline.heads, 1)
            assert [head.id for head in heads] == sorted(head.id for head in heads)
            inbox = next(head for head in heads if head.name == "INBOX")
            assert (inbox.uidnext, inbox.modseq, inbox.messages) == (2, one.modseq, 1)
            (row,) = await store.read(outline.page, inbox.id, 0, None)
            assert (row[0], row[2:6], row[7]) == (1, (7, 4, "x y", 15), one.modseq)
            assert await store.read(outline.page, inbox.id, 1, None) == []
            stored = await store.read(outline.stored, 1, [row[1], 99])
            assert [(found.thread_id, found.size) for found in stored.values()] == [(7, 15)]
            assert await store.read(outline.stored, 1, []) == {}
            assert await store.read(outline.threads, 1, [row[1], 99]) == {row[1]: 7}

    asyncio.run(run())


def test_a_mailbox_that_is_being_deleted_is_none(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await store.furnish(1)
            await store.write(mailboxes.bury, 1, "Junk", 0)
            assert "Junk" not in [head.name for head in await store.read(outline.heads, 1)]
            assert len(await store.read(outline.heads, 1)) == 5

    asyncio.run(run())


def test_what_has_happened_since(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            filed = await put(store, b"\r\na", b"\r\nb", b"\r\nc")
            since = filed[0].modseq
            view = await opened(store)
            await view.store([(2, 2)], FlagChange("add", 1))
            await view.store([(3, 3)], FlagChange("add", 8))
            await view.expunge(None)
            found = await store.read(outline.update, 1, since, None)
            assert [row[:1] + row[3:4] for row in found.changed] == [(2, 1)]
            assert found.gone == [3]
            whole = await store.read(vanished.messages, 1, since, 1 << 62, 9)
            assert whole is not None
            assert [(row[0], row[2]) for row in whole] == [(3, 1)]
            assert await store.read(vanished.messages, 1, since, since, 9) == []
            monkeypatch.setattr(outline, "PAGE", 1)
            assert (await store.read(outline.update, 1, since, None)).gone is None
            monkeypatch.setattr(vanished, "PAGE", 1)
            box = await store.read(mailboxes.get, 1, "INBOX")
            await store.write(vanished.forget, 1, box.highestmodseq)
            assert (await store.read(outline.update, 1, since, None)).gone is None
            assert await store.read(vanished.messages, 1, since, 1 << 62, 9) is None
            assert await store.read(vanished.messages, 99, since, 1 << 62, 9) is None

    asyncio.run(run())


def test_a_move_leaves_the_thread_to_the_message(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await store.furnish(1)
            (filed,) = await put(store, b"\r\na", thread_id=5)
            view = await opened(store)
            await view.move([(1, 1)], (await opened(store, "Trash")).place)
            moved = await store.read(vanished.messages, 1, filed.modseq, 1 << 62, 9)
            trash = await opened(store, "Trash")
            await trash.store([(1, 1)], FlagChange("add", 8))
            await trash.expunge(None)
            gone = await store.read(vanished.messages, trash.mailbox_id, 0, 1 << 62, 9)
            assert moved is not None
            assert gone is not None
            assert (moved[0][2], gone[0][2]) == (0, 5)
            assert moved[0][1] == gone[0][1]

    asyncio.run(run())
