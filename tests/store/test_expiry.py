"""What leaves a mailbox of a special use after some time, and what stays."""

import asyncio
from pathlib import Path

import pytest

from postroom.db.database import Tx
from postroom.store import entries, expiry, expunged, mailboxes, news, uses
from postroom.store.entries import FlagChange
from postroom.store.expiry import Expiry, Page
from postroom.store.expunged import Chosen
from postroom.store.flags import FLAGGED
from postroom.store.news import Marks
from postroom.store.spans import Span
from postroom.store.store import Store
from tests.access.shop import audit, put, shop
from tests.conftest import Opener
from tests.fakes import START

LETTER = b"Subject: x\r\n\r\nbody\r\n"
TRASH = "\\Trash"


async def trash_of(store: Store, account_id: int = 1) -> int:
    await store.furnish(account_id)
    return (await store.read(mailboxes.get, account_id, "Trash")).id


async def uids(store: Store, mailbox_id: int) -> list[int]:
    sql = "SELECT uid FROM entry WHERE mailbox_id = :box ORDER BY uid"
    return [row[0] for row in await store.db.read(lambda tx: tx.all(sql, box=mailbox_id))]


def pass_time(store: Store, days: int) -> None:
    store.clock.advance(days=days)  # type: ignore[attr-defined]


def test_what_came_before_leaves_as_with_any_expunge(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data, keeps_expunged=True) as store:
            box = await trash_of(store)
            await put(store, LETTER, LETTER, mailbox=box, received=START + 10**9)
            await put(store, LETTER, mailbox=box, flags=FLAGGED)
            pass_time(store, 1)
            await put(store, LETTER, mailbox=box, received=1)  # old, but it came just now
            before = (await store.read(mailboxes.get, 1, "Trash")).highestmodseq
            woken = asyncio.Event()
            store.notify.subscribe(box, woken.set)
            order = Expiry(1, box, TRASH, START + 1)
            assert await store.expire(order) == 2
            await woken.wait()
            assert await uids(store, box) == [3, 4]
            found = await store.read(news.look, 1, box, Marks(0, before), expunges=True)
            assert [uid for uid, _ in found.vanished] == [1, 2]
            weight = await store.read(expunged.weight, 1, Chosen("Trash"))
            assert (weight.messages, weight.octets) == (2, 2 * len(LETTER))
            assert (await store.usage(1)).messages == 2
            await audit(store)

            woken.clear()
            state = await store.read(mailboxes.get, 1, "Trash")
            assert await store.expire(order) == 0
            assert await store.read(mailboxes.get, 1, "Trash") == state
            assert not woken.is_set()

    asyncio.run(run())


def test_the_moment_itself_is_not_over(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            box = await trash_of(store)
            await put(store, LETTER, mailbox=box)
            assert await store.read(expiry.overdue, TRASH, START, 0) == ([], 0)
            assert await store.expire(Expiry(1, box, TRASH, START)) == 0
            due = Expiry(1, box, TRASH, START + 1)
            assert await store.read(expiry.overdue, TRASH, START + 1, 0) == ([due], 0)
            assert await store.expire(due) == 1
            left = await store.db.read(lambda tx: tx.all("SELECT count(*) FROM message"))
            assert left == [(0,)]  # nothing keeps copies here
            await audit(store)

    asyncio.run(run())


def test_pages_are_bounded_and_end_at_what_is_younger(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiry, "CHUNK", 2)

    async def run() -> None:
        async with shop(database, data) as store:
            box = await trash_of(store)
            await put(store, LETTER, LETTER, mailbox=box, flags=FLAGGED)
            await put(store, *[LETTER] * 4, mailbox=box)
            pass_time(store, 1)
            await put(store, *[LETTER] * 3, mailbox=box)
            order = Expiry(1, box, TRASH, START + 1)
            found = [await store.read(expiry.page, order, after) for after in (0, 2, 4, 6)]
            assert found == [Page([], 2), Page([3, 4], 4), Page([5, 6], 6), Page([], 0)]
            assert await store.expire(order) == 4
            assert await uids(store, box) == [1, 2, 7, 8, 9]
            await audit(store)

    asyncio.run(run())


def test_it_is_looked_again_before_anything_goes(database: Opener, data: Path) -> None:
    """Flagged, or the mailbox has become another, since it was found."""

    async def run() -> None:
        async with shop(database, data) as store:
            box = await trash_of(store)
            await put(store, LETTER, LETTER, mailbox=box)
            order = Expiry(1, box, TRASH, START + 1)
            assert (await store.read(expiry.page, order, 0)).uids == [1, 2]
            await store.write(entries.update_flags, 1, box, Span(1, 1), FlagChange("add", FLAGGED))
            gone = await store.write(expiry.expire, store.blobs, order, 0, store.clock())
            assert gone == Page([2], 0)
            mailbox = await store.read(mailboxes.get, 1, "Trash")
            await store.write(uses.give, 1, mailbox, ["\\Archive", TRASH], store.clock())
            await store.write(
                entries.update_flags, 1, box, Span(1, 1), FlagChange("remove", FLAGGED)
            )
            assert await store.expire(order) == 0
            assert await uids(store, box) == [1]
            await audit(store)

    asyncio.run(run())


def test_mailboxes_are_found_by_their_use_page_by_page(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiry, "MAILBOXES", 2)

    async def run() -> None:
        async with shop(database, data) as store:
            boxes = [await trash_of(store, account_id) for account_id in (1, 2, 3)]
            for account_id in (1, 3):
                box = boxes[account_id - 1]
                await put(store, LETTER, account_id=account_id, mailbox=box)
                await put(store, LETTER, account_id=account_id)  # the INBOX
            first, after = await store.read(expiry.overdue, TRASH, START + 1, 0)
            assert (first, after) == ([Expiry(1, boxes[0], TRASH, START + 1)], boxes[1])
            second, after = await store.read(expiry.overdue, TRASH, START + 1, after)
            assert (second, after) == ([Expiry(3, boxes[2], TRASH, START + 1)], 0)

    asyncio.run(run())


def test_the_search_for_them_reads_no_other_mailbox(database: Opener) -> None:
    def plan(tx: Tx) -> list[str]:
        sql = "SELECT id FROM mailbox WHERE special_use = :use AND id > :after ORDER BY id LIMIT 9"
        return [row[3] for row in tx.all(f"EXPLAIN QUERY PLAN {sql}", use=TRASH, after=0)]

    async def run() -> None:
        async with database() as db:
            if db.engine == "sqlite":
                (step,) = await db.read(plan)
                assert "mailbox_use (special_use=? AND id>?)" in step

    asyncio.run(run())
