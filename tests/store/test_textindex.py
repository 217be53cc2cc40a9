"""The search index in the database: nothing is missed, nothing is there twice."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from postroom.db.database import Tx
from postroom.store import textindex
from postroom.store.filing import file_letters
from postroom.store.spans import Span
from postroom.store.store import Store
from postroom.store.textindex import CHUNK, MOST_RETREATED, Coverage, Work
from postroom.store.textpage import FIELDS, LetterText, cut, message_ids, taken_apart
from tests.access.shop import audit, put, shop
from tests.conftest import Opener
from tests.store.letters import copy

LETTER = b"Subject: x\r\n\r\nbody\r\n"
NEVER = 1 << 62


def text(ident: int) -> LetterText:
    return LetterText(ident, True, (b"",) * len(FIELDS), b"", str(ident).encode())


def rewritten(work: Work) -> list[LetterText]:
    """What the indexer makes of it, without reading any letter."""
    found = {one.message_id: one for page in work.pages for one in taken_apart(page)}
    for ident in work.late:
        found.pop(ident, None)
    found |= {row[0]: text(row[0]) for row in work.letters}
    return [found[ident] for ident in sorted(found)]


async def finish(store: Store, work: Work | None) -> bool:
    assert work is not None
    return await store.write(textindex.finish, work, cut(rewritten(work), work.bound))


async def index_all(store: Store, account_id: int = 1) -> None:
    while (work := await store.read(textindex.next_late, account_id)) or (
        work := await store.read(textindex.next_new, account_id, NEVER)
    ):
        assert await finish(store, work)
        await audit(store)


async def indexed(store: Store, account_id: int = 1) -> list[int]:
    """The ids that are in pages."""
    rows = await store.db.read(
        lambda tx: tx.all("SELECT upto FROM search_page WHERE account_id = :a", a=account_id)
    )
    found = await store.read(textindex.pages, account_id, 0, 10_000, [])
    assert len(found) == len(rows)
    return [ident for row in found for ident, _ in message_ids(row[2])]


async def filed(store: Store, ids: Sequence[int], account_id: int = 1) -> None:
    copies = [[copy(account_id, message_id=ident)] for ident in ids]
    await store.write(file_letters, copies, store.clock())


async def coverage(store: Store, account_id: int = 1) -> Coverage:
    return await store.read(textindex.coverage, account_id)


def test_messages_are_indexed_by_chunks(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            assert await store.read(textindex.next_new, 1, NEVER) is None
            await filed(store, range(1, 3 * CHUNK))
            work = await store.read(textindex.next_new, 1, 10)
            assert work is not None
            assert [row[0] for row in work.letters] == list(range(1, 10))
            assert (work.searched, work.reach, work.bound) == (0, 9, 9)
            assert await finish(store, work)
            assert await coverage(store) == Coverage(9, frozenset())
            work = await store.read(textindex.next_new, 1, NEVER)
            assert work is not None
            assert len(work.letters) == CHUNK
            assert [page.upto for page in work.pages] == [9]  # has room yet
            await index_all(store)
            assert await indexed(store) == list(range(1, 3 * CHUNK))
            assert await store.read(textindex.next_new, 1, NEVER) is None
            rows = await store.read(textindex.pages, 1, 0, 100, [])
            assert [row[0] for row in rows] == sorted(row[0] for row in rows)

    asyncio.run(run())


def test_work_that_was_overtaken_is_not_done(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await filed(store, [10, 20])
            first, second = [await store.read(textindex.next_new, 1, NEVER) for _ in range(2)]
            assert await finish(store, first)
            assert not await finish(store, second)
            await filed(store, [5])
            late, other = [await store.read(textindex.next_late, 1) for _ in range(2)]
            assert await finish(store, late)
            assert not await finish(store, other)
            assert await indexed(store) == [5, 10, 20]
            await audit(store)

    asyncio.run(run())


def test_a_message_that_comes_late_is_noted(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await filed(store, [10, 20])
            await index_all(store)
            await filed(store, [15, 20_000, 5])
            found = await coverage(store)
            assert found == Coverage(20, frozenset({5, 15}))
            assert [found.speaks_for(ident) for ident in (5, 10, 15, 20, 21)] == [
                False, True, False, True, False,
            ]  # fmt: skip
            await index_all(store)
            assert await coverage(store) == Coverage(20_000, frozenset())
            assert await indexed(store) == [5, 10, 15, 20, 20_000]

    asyncio.run(run())


def test_what_comes_while_a_chunk_is_made_is_noted(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await filed(store, [10, 20, 30])
            work = await store.read(textindex.next_new, 1, NEVER)
            await store.expunge(1, 1, Span(1, 1), flagged=False)
            await filed(store, [25])
            assert await finish(store, work)
            assert await coverage(store) == Coverage(30, frozenset({25}))
            await audit(store)
            await index_all(store)
            assert await indexed(store) == [20, 25, 30]

    asyncio.run(run())


def test_late_work_sees_what_has_changed_again(database: Opener, data: Path) -> None:
    """A message comes late, is about to be indexed, and is removed: its note must stay."""

    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, LETTER, LETTER)
            await index_all(store)
            early = (await indexed(store))[0] - 1
            await filed(store, [early])
            work = await store.read(textindex.next_late, 1)
            await store.db.write(
                lambda tx: tx.execute("DELETE FROM message WHERE id = :i", i=early)
            )
            assert not await finish(store, work)
            await index_again(store)
            assert early not in await indexed(store)

    async def index_again(store: Store) -> None:
        work = await store.read(textindex.next_late, 1)
        assert await finish(store, work)
        assert await store.read(textindex.next_late, 1) is None

    asyncio.run(run())


def test_many_late_messages_split_their_page(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await filed(store, [1000, 2000])
            await index_all(store)
            await filed(store, range(1001, 1001 + 2 * CHUNK))
            await index_all(store)
            assert await indexed(store) == [*range(1000, 1001 + 2 * CHUNK), 2000]

    asyncio.run(run())


def test_removed_messages_leave_their_pages(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *[LETTER] * 40)
            await index_all(store)
            before = await indexed(store)
            await store.expunge(1, 1, Span(3, 30), flagged=False)
            assert await coverage(store) == Coverage(before[-1], frozenset())
            await index_all(store)
            assert await indexed(store) == before[:2] + before[30:]
            await store.expunge(1, 1, Span(1, 40), flagged=False)
            await index_all(store)
            assert await store.read(textindex.pages, 1, 0, 9, []) == []
            await put(store, LETTER)
            await index_all(store)
            assert len(await indexed(store)) == 1

    asyncio.run(run())


def test_an_account_is_forgotten_from_its_end(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            count = 16 * (MOST_RETREATED + 3)
            await filed(store, range(1, count + 1))
            await index_all(store)
            await filed(store, [900_000], account_id=2)
            await index_all(store, 2)
            assert not await store.write(textindex.retreat, 1)
            await audit(store)
            assert await coverage(store) == Coverage(3 * 16, frozenset())
            assert await indexed(store) == list(range(1, 49))
            await store.forget_texts(1)
            assert await coverage(store) == Coverage(0, frozenset())
            assert await store.read(textindex.indexed_accounts, 0, 9) == [2]
            await index_all(store)
            assert await indexed(store) == list(range(1, count + 1))
            await store.remove_account(2)
            assert await store.read(textindex.pages, 2, 0, 9, []) == []
            await store.forget_texts(3)  # there is nothing

    asyncio.run(run())


def test_pages_for_some_messages(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await filed(store, range(10, 10 * 50, 10))
            await index_all(store)
            rows = await store.read(textindex.pages, 1, 0, 9, ["signature"])
            uptos = [row[0] for row in rows]
            assert uptos == [160, 320, 480, 490]

            async def pages_for(ids: list[int]) -> list[int]:
                return await store.read(textindex.pages_for, 1, ids)

            assert await pages_for([]) == []
            assert await pages_for([10, 15, 160]) == [160]
            assert await pages_for([161, 490, 491]) == [320, 490]
            assert await store.read(textindex.pages, 1, 320, 9, [], uptos[1:3]) == [rows[2][:3]]
            assert await store.read(textindex.pages, 1, 0, 9, [], []) == []
            bodies = await store.read(textindex.bodies, 1, [160, 480])
            assert set(bodies) == {160, 480}

    asyncio.run(run())


def test_what_waits_and_what_there_is(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, LETTER, LETTER)
            await put(store, LETTER, account_id=2)
            first = await store.db.read(lambda tx: tx.one("SELECT min(id) FROM message"))
            waiting = await store.read(textindex.waiting, 0, 9)
            assert [(one.account_id, one.unread, one.late) for one in waiting] == [
                (1, 2, 0), (2, 1, 0),
            ]  # fmt: skip
            assert first == (waiting[0].first_id,)
            await index_all(store)
            await store.expunge(1, 1, Span(1, 1), flagged=False)
            (one,) = await store.read(textindex.waiting, 0, 1)
            assert (one.unread, one.first_id, one.late) == (0, 0, 1)
            totals = await store.read(textindex.totals)
            assert (totals.messages, totals.waiting, totals.pages) == (2, 1, 1)
            assert totals.octets > 0
            assert [one.account_id for one in await store.read(textindex.waiting, 1, 9)] == [2]
            assert await store.read(textindex.waiting, 2, 9) == []

    asyncio.run(run())


def test_one_server_at_a_time(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:

            async def take(holder: int, now: int) -> bool:
                def write(tx: Tx) -> bool:
                    return textindex.take_turn(tx, holder, now, now + 100)

                return await db.write(write)

            assert await take(1, 1000)
            assert await take(1, 1050)
            assert not await take(2, 1149)
            assert await take(2, 1150)
            assert not await take(1, 1200)
            await db.write(lambda tx: textindex.end_turn(tx, 1))  # is not its holder
            assert not await take(1, 1200)
            await db.write(lambda tx: textindex.end_turn(tx, 2))
            assert await take(1, 1200)

    asyncio.run(run())
