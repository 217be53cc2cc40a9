"""The indexer: when it works, what it makes of letters, how it survives."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from pathlib import Path
from shutil import disk_usage

import pytest

from postroom.access import texts
from postroom.access.indexer import (
    CHUNKS,
    ENOUGH,
    PATIENCE_MS,
    ROUND_SECONDS,
    SETTLED_MS,
    Indexer,
    forget_all,
)
from postroom.access.search import search
from postroom.access.view import View
from postroom.blobs.disk import Disk
from postroom.blobs.store import BlobStore
from postroom.db.database import Database
from postroom.db.ids import Ids
from postroom.db.open import open_database
from postroom.errors import MailError
from postroom.notify import Notify
from postroom.protocol.imap import search as keys
from postroom.store import textindex
from postroom.store.spans import Span
from postroom.store.store import Store
from postroom.telemetry import sink
from postroom.telemetry.events import StorageTrouble
from tests.access.shop import audit, opened, place_of, put, shop
from tests.conftest import Opener
from tests.db.faulty import disk
from tests.fakes import Clock, Recorder

LETTER = b"Subject: hello\r\n\r\nthe needle\r\n"


class Enough(Exception):
    """The test has seen what it wanted."""


async def no_sleep(_seconds: float) -> None:
    await asyncio.sleep(0)


def indexer(store: Store) -> Indexer:
    return Indexer(store, 1 << 20, sleep=no_sleep)


def clock_of(store: Store) -> Clock:
    assert isinstance(store.clock, Clock)
    return store.clock


async def indexed(store: Store) -> int:
    found = await store.read(textindex.totals)
    return found.messages - found.waiting


async def bodies(store: Store) -> list[bytes]:
    """What the pages hold of bodies, uncompressed."""
    from postroom.store.textpage import unpacked

    rows = await store.db.read(lambda tx: tx.all("SELECT bodies FROM search_page ORDER BY upto"))
    return [unpacked(row[0]) for row in rows]


def test_on_a_full_disk_nothing_is_indexed(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *[LETTER] * 20)
            clock_of(store).advance(seconds=600)
            mine = indexer(store)
            store.blobs.disk = Disk(data, 2 * disk_usage(data).free, store.clock)
            await mine.round()
            assert await indexed(store) == 0
            store.blobs.disk = Disk(data, 0, store.clock)
            await mine.round()
            assert await indexed(store) == 20

    asyncio.run(run())


def test_few_messages_wait_for_more_or_for_ten_minutes(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            mine, clock = indexer(store), clock_of(store)
            await put(store, *[LETTER] * (ENOUGH - 1))
            clock.advance(SETTLED_MS + 1)
            await mine.round()
            assert (await indexed(store), mine.waiting) == (0, ENOUGH - 1)
            await put(store, LETTER)
            await mine.round()  # the last one is not settled yet
            assert await indexed(store) == ENOUGH - 1
            clock.advance(SETTLED_MS + 1)
            await mine.round()
            assert (await indexed(store), mine.waiting) == (ENOUGH - 1, 1)
            clock.advance(PATIENCE_MS)
            await mine.round()
            assert await indexed(store) == ENOUGH
            await store.expunge(1, 1, Span(1, 1), flagged=False)
            await mine.round()  # what was removed does not wait
            await audit(store)
            await mine.round()
            assert mine.waiting == 0

    asyncio.run(run())


def test_fresh_mail_is_found_before_it_is_indexed(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, LETTER, b"Subject: other\r\n\r\nnothing\r\n")
            await indexer(store).everything(1)
            await put(store, LETTER)
            view = await opened(store)
            for key in (keys.Body("needle"), keys.Text("needle"), keys.Subject("hello")):
                assert await search(view, key) == [1, 3]
            assert await search(view, keys.Not(keys.Body("needle"))) == [2]

    asyncio.run(run())


def test_an_account_with_much_mail_does_not_keep_others_waiting(
    database: Opener, data: Path
) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            mine = indexer(store)
            await put(store, *[b"A: b\r\n\r\n"] * (CHUNKS * textindex.CHUNK + ENOUGH))
            await put(store, *[LETTER] * ENOUGH, account_id=2)
            clock_of(store).advance(SETTLED_MS + 1)
            await mine.round()
            assert await indexed(store) == CHUNKS * textindex.CHUNK + ENOUGH
            await mine.round()
            assert await indexed(store) == CHUNKS * textindex.CHUNK + 2 * ENOUGH

    asyncio.run(run())


def test_it_rests_and_goes_on_after_trouble(database: Opener, data: Path) -> None:
    rests: list[float] = []

    async def sleep(seconds: float) -> None:
        rests.append(seconds)
        if rests.count(ROUND_SECONDS) == 2:
            raise Enough
        await asyncio.sleep(0)

    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *[LETTER] * (3 * textindex.CHUNK))
            clock_of(store).advance(SETTLED_MS + 1)
            with pytest.raises(Enough):
                await Indexer(store, 1 << 20, sleep=sleep).run()
            assert await indexed(store) == 3 * textindex.CHUNK
            assert len(rests) == 3 + 2
            assert all(rest > 0 for rest in rests)
            await put(store, *[LETTER] * ENOUGH)
            clock_of(store).advance(SETTLED_MS + 1)
            await indexer(store).round()  # the next server begins at once
            assert await indexed(store) == 3 * textindex.CHUNK + ENOUGH

    asyncio.run(run())


def test_one_of_two_servers_indexes(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            first, second = indexer(store), indexer(store)
            await put(store, *[LETTER] * ENOUGH)
            clock_of(store).advance(SETTLED_MS + 1)
            await first.round()
            await put(store, *[LETTER] * ENOUGH)
            clock_of(store).advance(SETTLED_MS + 1)
            await second.round()
            assert await indexed(store) == ENOUGH
            await first.round()
            assert await indexed(store) == 2 * ENOUGH

    asyncio.run(run())


def test_servers_and_commands_at_once_index_nothing_twice(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *[LETTER] * 200)
            counts = await asyncio.gather(*[indexer(store).everything(1) for _ in range(3)])
            assert sum(counts) == 200
            await audit(store)
            assert await search(await opened(store), keys.Body("needle")) == list(range(1, 201))

    asyncio.run(run())


def test_copies_share_their_text_and_those_of_others_come_late(
    database: Opener, data: Path
) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, LETTER)
            clock_of(store).advance(seconds=1)
            await put(store, b"A: b\r\n\r\nnew\r\n", account_id=2)
            for account_id in (1, 2):
                await indexer(store).everything(account_id)
            view = await opened(store)
            await view.copy([(1, 1)], await place_of(store, "INBOX"))
            assert await search(await opened(store), keys.Body("needle")) == [1, 2]
            assert (await bodies(store))[0] == b"THE NEEDLE\r\n\xfe"
            await view.copy([(1, 1)], await place_of(store, "INBOX", account_id=2))
            other = await opened(store, account_id=2)
            assert await search(other, keys.Body("needle")) == [2]  # older than what is indexed
            await audit(store)
            await indexer(store).everything(2)
            await audit(store)
            assert (await store.read(textindex.coverage, 2)).late == frozenset()
            assert await search(other, keys.Body("needle")) == [2]
            assert await search(other, keys.Body("new")) == [1]

    asyncio.run(run())


def test_the_text_of_a_removed_message_is_forgotten(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, b"A: b\r\n\r\nsecret\r\n", LETTER)
            await indexer(store).everything(1)
            assert b"SECRET" in b"".join(await bodies(store))
            await store.expunge(1, 1, Span(1, 1), flagged=False)
            assert await search(await opened(store), keys.Body("secret")) == []
            await indexer(store).everything(1)
            assert await bodies(store) == [b"THE NEEDLE\r\n\xfe"]
            await forget_all(store)
            assert await bodies(store) == []
            await audit(store)

    asyncio.run(run())


def test_a_large_message_is_read_by_pieces_up_to_the_limit(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            filler = b"x" * 70 + b"\r\n"
            count = texts.PIECE // len(filler) + 1
            letter = LETTER + filler * count + b"far away\r\n"
            await put(store, letter, LETTER, letter)
            await Indexer(store, 1000).everything(1)
            view = await opened(store)
            assert await search(view, keys.Body("needle\r\nxxx")) == [1, 3]
            assert await search(view, keys.Body("far away")) == [1, 3]
            assert await search(view, keys.Body("further away")) == []
            assert [len(text) for text in await bodies(store)] == [1000 + 1 + 13 + 1 + 1000]
            await forget_all(store)
            await Indexer(store, 2 * len(letter)).everything(1)
            assert await search(view, keys.Body("far away")) == [1, 3]
            found = b"".join(await bodies(store))
            assert found.count(b"FAR AWAY\r\n\xfe") == 2

    asyncio.run(run())


@pytest.mark.parametrize("count", [1, texts.PIECE // 72 + 1], ids=["small", "large"])
def test_fields_of_parts_are_of_the_text_and_no_fields_of_the_message(
    database: Opener, data: Path, count: int
) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            part = b"--o\r\nContent-Type: image/png;\r\n\tname=cat.png\r\nX-Of-Part: a\r\n\r\n"
            letter = (
                b"Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n\r\n"
                + (b"x" * 70 + b"\r\n") * count + part + b"--o--\r\n"
            )  # fmt: skip
            await put(store, letter, LETTER)
            view = await opened(store)
            for step in ("read", "indexed"):
                if step == "indexed":
                    await Indexer(store, 2 * len(letter)).everything(1)
                assert await search(view, keys.Text("png; name=CAT")) == [1]
                assert await search(view, keys.Body("cat.png")) == []
                assert await search(view, keys.Header("x-of-part", "a")) == []
                assert await search(view, keys.Header("content-type", "png")) == []

    asyncio.run(run())


def test_more_fields_of_parts_than_are_indexed(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            part = b"--o\r\nX-Long: " + b"y" * 1000 + b"\r\n\r\n"
            letter = (
                b"Content-Type: multipart/mixed; boundary=o\r\n\r\n" + part * 300 +
                b"--o\r\nX-Last: far away\r\n\r\n--o--\r\n"
            )  # fmt: skip
            await put(store, letter, LETTER)
            await Indexer(store, 1 << 20).everything(1)
            view = await opened(store)
            assert await search(view, keys.Text("x-last: far")) == [1]
            assert await search(view, keys.Text("x-last: near")) == []

    asyncio.run(run())


def test_a_damaged_message_does_not_stop_the_others(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, LETTER, LETTER + b"x" * texts.PIECE, LETTER)
            await store.db.write(
                lambda tx: tx.execute(
                    "UPDATE blob SET digest = :junk WHERE id < (SELECT max(id) FROM blob)",
                    junk=b"junk",
                )
            )
            await store.db.write(
                lambda tx: tx.execute(
                    "UPDATE blob SET head = :junk WHERE id < (SELECT max(id) FROM blob)",
                    junk=b"junk",
                )
            )
            await indexer(store).everything(1)
            await audit(store)
            assert len(b"".join(await bodies(store))) == 1 + 1 + len(b"THE NEEDLE\r\n\xfe")
            view = await opened(store)
            assert await search(view, keys.Subject("hello")) == [1, 2, 3]

    asyncio.run(run())


def test_a_damaged_row_does_not_stop_the_others(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, LETTER, LETTER)
            await store.db.write(
                lambda tx: tx.execute(
                    "UPDATE message SET envelope = :junk WHERE id = (SELECT min(id) FROM message)",
                    junk=b"({",
                )
            )
            await indexer(store).everything(1)
            await audit(store)
            assert await search(await opened(store), keys.Body("needle")) == [1, 2]

    asyncio.run(run())


def test_mail_comes_and_goes_while_it_is_indexed(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, LETTER, account_id=2)
            chance = random.Random(5)
            other = await opened(store, account_id=2)
            inbox = await place_of(store, "INBOX")

            async def comes() -> None:
                for _ in range(15):
                    await put(store, *[LETTER] * chance.randrange(1, 9))
                    await other.copy([(1, 1)], inbox)

            async def goes() -> None:
                for uid in range(1, 60, 2):
                    await store.expunge(1, 1, Span(uid, uid), flagged=False)

            async def indexes() -> None:
                while not coming.done():
                    await indexer(store).everything(1)
                    await asyncio.sleep(0)

            await put(store, *[LETTER] * 30)
            coming = asyncio.create_task(comes())
            await asyncio.gather(coming, goes(), indexes(), indexes())
            await audit(store)
            await indexer(store).everything(1)
            await audit(store)
            view = await opened(store)
            assert (await store.read(textindex.coverage, 1)).late == frozenset()
            assert await search(view, keys.Body("needle")) == await search(view, keys.All())

    asyncio.run(run())


def test_a_chunk_is_bounded_by_its_octets(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            large = LETTER + b"x" * (textindex.CHUNK_OCTETS // 3)
            await put(store, *[large] * 7, LETTER)
            work = await store.read(textindex.next_new, 1, 1 << 62)
            assert work is not None
            assert [len(work.letters), work.reach] == [2, work.letters[-1][0]]
            await indexer(store).everything(1)
            await audit(store)
            view = await opened(store)
            assert await search(view, keys.Body("needle")) == list(range(1, 9))
            ids = await store.db.read(lambda tx: tx.all("SELECT id FROM message"))
            await store.write(textindex.write_notes, [(1, row[0], 0) for row in ids])
            late = await store.read(textindex.next_late, 1)
            assert late is not None
            assert len(late.letters) == len(late.late) == 1  # each has a page of its own
            await indexer(store).everything(1)
            await audit(store)
            assert await search(view, keys.Body("needle")) == list(range(1, 9))

    asyncio.run(run())


@contextlib.asynccontextmanager
async def reopened(folder: Path, vfs: str) -> AsyncIterator[Store]:
    """The store of a folder as the next process finds it."""
    db: Database = await open_database(folder, vfs=vfs)
    clock = Clock()
    ids = Ids(clock, above=clock() << 22)
    notify = Notify()
    try:
        yield Store(db, BlobStore(folder, db.engine, ids), ids, clock, notify)
    finally:
        notify.close()
        await db.close()


def test_every_write_of_the_indexer_fails_once(tmp_path: Path) -> None:
    """What is left is the index before or after a chunk, and the next try completes it."""

    async def run(k: int) -> bool:
        folder = tmp_path / str(k)
        with disk() as faulty:
            async with reopened(folder, faulty.name) as store:
                await put(store, *[LETTER] * 20)
                await indexer(store).everything(1)
                await put(store, *[LETTER] * 70)
                await store.expunge(1, 1, Span(5, 9), flagged=False)
                faulty.fail(lambda number, _kind: number == k)
                with contextlib.suppress(MailError):
                    await indexer(store).everything(1)
                failed = faulty.failed
                faulty.work()
            async with reopened(folder, faulty.name) as store:
                await audit(store)
                view = await opened(store)
                expected = [1, 2, 3, 4, *range(10, 91)]
                assert await search(view, keys.Body("needle")) == expected
                await indexer(store).everything(1)
                await audit(store)
                assert (await store.read(textindex.totals)).waiting == 0
                assert await search(view, keys.Body("needle")) == expected
        return failed > 0

    k = 1
    while asyncio.run(run(k)):
        k += 5
    assert k > 10


def test_a_failing_database_is_told_and_tried_again(tmp_path: Path) -> None:
    async def run() -> None:
        async def sleep(_seconds: float) -> None:
            if recorder.of(StorageTrouble):
                raise Enough

        with disk() as faulty:
            async with reopened(tmp_path / "data", faulty.name) as store:
                await put(store, *[LETTER] * ENOUGH)
                clock_of(store).advance(SETTLED_MS + 1)
                faulty.fail(lambda _number, _kind: True)
                with pytest.raises(Enough):
                    await Indexer(store, 1 << 20, sleep=sleep).run()
                faulty.work()

    recorder = Recorder()
    before = sink.install(recorder)
    try:
        asyncio.run(run())
    finally:
        sink.install(before)
    assert any(event.where == "search index" for event in recorder.of(StorageTrouble))


def test_a_view_is_not_needed(database: Opener, data: Path) -> None:
    """Trees of large messages are kept by the indexer as by a view, a few of them."""

    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *[LETTER + b"x" * texts.PIECE] * 10)
            mine = indexer(store)
            await mine.everything(1)
            assert 0 < len(mine.trees) <= 8
            view: View = await opened(store)
            assert await search(view, keys.Body("needle")) == list(range(1, 11))

    asyncio.run(run())
