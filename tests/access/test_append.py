"""APPEND: all messages or none, within limits, without holding them."""

import asyncio
import tracemalloc
from pathlib import Path

import pytest

from postroom.access import append, fetch, loading
from postroom.access.append import MAX_MESSAGES, Appender, TooBig
from postroom.errors import Invalid, MailboxFull, NotFound, Permanent, Refused
from postroom.message.index import index
from postroom.message.scan import scan
from postroom.post.commit import Expunged, Post
from postroom.quota import Quota
from postroom.store import mailboxes
from postroom.store.flags import DRAFT, SEEN
from postroom.store.store import Store
from tests.access.shop import audit, opened, place_of, shop
from tests.conftest import Opener

LETTER = b"Subject: x\r\nMessage-ID: <1@example.org>\r\n\r\nbody\r\n"


def appender(store: Store, max_message: int = 0) -> Appender:
    post = Post(store.db, store.blobs, store.notify, store.clock)
    return Appender(store, post, max_message=max_message)


async def put(work: Appender, *letters: bytes, block: int = 60_000) -> None:
    """Hand in the messages, up to ``finish``."""
    for letter in letters:
        await work.message(0, [], 0)
        await work.expect(len(letter))
        for start in range(0, len(letter), block):
            await work.write(letter[start : start + block])


async def begun(store: Store, name: str = "INBOX") -> Appender:
    work = appender(store)
    await work.begin(await place_of(store, name))
    return work


def files(data: Path) -> list[Path]:
    return [path for path in (data / "blobs").rglob("*") if path.is_file()]


def large(size: int, seed: int = 0) -> bytes:
    """A message whose body does not fit into a row."""
    import random

    return b"Subject: large\r\n\r\n" + random.Random(seed).randbytes(size // 2).hex().encode()


@pytest.mark.parametrize("block", [1, 7, 10_000])
def test_what_is_appended_is_there(database: Opener, data: Path, block: int) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            work = await begun(store)
            for flags, keywords, received in ((SEEN, ["$A"], 123_456), (DRAFT, [], 7)):
                await work.message(flags, keywords, received)
                await work.expect(len(LETTER))
                for start in range(0, len(LETTER), block):
                    await work.write(LETTER[start : start + block])
            appended = await work.finish()
            view = await opened(store, read_only=True)
            assert appended == append.Appended(view.mailbox_id, view.uidvalidity, [1, 2])
            pages = loading.rows(view, [(1, 9)], need=frozenset({"head", "bodystructure"}))
            rows = [row async for page in pages for row in page]
            assert [(row.flags, row.keywords, row.received) for row in rows] == [
                (SEEN, "$A", 123_456),
                (DRAFT, "", 7),
            ]
            for row in rows:
                content = b"".join([piece async for piece in fetch.stream(row)])
                assert content == LETTER
                assert row.size == len(content)
                assert row.bodystructure == index(row.head, scan(content)).bodystructure
            await audit(store)

    asyncio.run(run())


def test_large_and_small_messages_in_one(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            letters = [large(2_500_000), LETTER, large(150_000), b"A: b\r\n", large(3_000_000, 1)]
            work = await begun(store)
            await put(work, *letters)
            assert (await work.finish()).uids == [1, 2, 3, 4, 5]
            view = await opened(store)
            pages = loading.rows(view, [(1, 9)], need=frozenset({"head"}))
            rows = [row async for page in pages for row in page]
            found = [b"".join([p async for p in fetch.stream(row)]) for row in rows]
            assert found == letters
            await audit(store)

    asyncio.run(run())


def test_beyond_what_is_held_bodies_go_apart(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(append, "MAX_HELD", 3)

    async def run() -> None:
        async with shop(database, data) as store:
            work = await begun(store)
            await put(work, LETTER, LETTER, b"A: b\r\n")
            await work.finish()
            view = await opened(store)
            pages = loading.rows(view, [(1, 9)], need=frozenset({"head"}))
            rows = [row async for page in pages for row in page]
            found = [b"".join([p async for p in fetch.stream(row)]) for row in rows]
            assert found == [LETTER, LETTER, b"A: b\r\n"]
            places = await store.db.read(lambda tx: tx.all("SELECT place FROM blob ORDER BY id"))
            assert [bool(place) for (place,) in places] == [False, True, True]

    asyncio.run(run())


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_ten_messages_of_fifty_megabytes_take_little_memory(database: Opener, data: Path) -> None:
    block = (b"0123456789abcdef" * 4 + b"\r\n") * 8000

    async def run() -> None:
        async with shop(database, data) as store:
            work = await begun(store)
            await put(work, LETTER)
            tracemalloc.start()
            for _ in range(10):
                await work.message(0, [], 0)
                await work.write(b"Subject: x\r\n\r\n")
                for _ in range(100):
                    await work.write(block)
            appended = await work.finish()
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert len(appended.uids) == 11
            assert peak < 16_000_000
            assert (await store.usage(1)).octets > 10 * 50_000_000

    asyncio.run(run())


def test_limits_are_checked_before_anything_is_sent(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data, {1: 100}) as store:
            work = appender(store, max_message=1000)
            with pytest.raises(NotFound):
                await work.begin(await place_of(store, "Nowhere"))
            for size, refusal in ((1001, TooBig), (101, MailboxFull)):
                await work.begin(await place_of(store, "INBOX"))
                await work.message(0, [], 0)
                with pytest.raises(refusal):
                    await work.expect(size)
            await work.abort()
            with pytest.raises(Invalid):
                await work.message(0, [], 0)
            with pytest.raises(Invalid):
                await work.finish()
            await work.begin(await place_of(store, "Drafts"))
            with pytest.raises(Invalid):
                await work.finish()
            await work.begin(await place_of(store, "Drafts"))
            await put(work, b"A: b\r\n\r\n", b"c")
            with pytest.raises(MailboxFull):
                await put(work, b"x" * 92)
            await work.begin(await place_of(store, "Drafts"))
            await put(work, b"A: b\r\n\r\n", b"x" * 92)
            await work.finish()
            assert (await store.usage(1)).octets == 100

    asyncio.run(run())


def test_limits_of_one_command(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(append, "MAX_MESSAGES", 3)
    monkeypatch.setattr(append, "MAX_TOTAL", 10_000)

    async def run() -> None:
        async with shop(database, data) as store:
            work = await begun(store)
            await put(work, LETTER, LETTER, LETTER)
            with pytest.raises(Permanent, match="3 messages"):
                await work.message(0, [], 0)
            await work.begin(await place_of(store, "INBOX"))
            await put(work, LETTER)
            await work.message(0, [], 0)
            with pytest.raises(Permanent, match="10000 octets"):
                await work.expect(10_000)
            await work.begin(await place_of(store, "INBOX"))
            await put(work, b"X: y\r\n" * 3000)  # alone it may be larger
            monkeypatch.setattr(append, "MAX_ROWS", 100)
            with pytest.raises(Permanent, match="headers"):
                await put(work, LETTER)
            await work.abort()
            assert (await store.usage(1)).messages == 0

    asyncio.run(run())


def test_a_thousand_messages(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            work = await begun(store)
            await put(work, *[LETTER] * MAX_MESSAGES)
            assert (await work.finish()).uids == list(range(1, MAX_MESSAGES + 1))
            await audit(store)

    asyncio.run(run())


def test_a_refusal_leaves_nothing(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            for bad in (b"a\0b", b""):
                work = await begun(store)
                await put(work, large(2_000_000), LETTER, bad)
                with pytest.raises(Refused):
                    await work.finish()
                work = await begun(store)
                await put(work, large(2_000_000), bad)
                with pytest.raises(Refused):
                    await put(work, LETTER)
                await work.abort()
            work = await begun(store)
            await put(work, large(2_000_000), large(3_000_000))
            await work.begin(await place_of(store, "INBOX"))
            await put(work, large(3_000_000))
            await work.abort()
            assert (await store.usage(1)).messages == 0
            assert files(data) == []
            await audit(store)

    asyncio.run(run())


def test_a_mailbox_deleted_meanwhile(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            work = await begun(store, "Archive")
            await put(work, large(2_000_000), LETTER)
            await store.delete_mailbox(1, "Archive")
            with pytest.raises(NotFound):
                await work.finish()
            assert (await store.usage(1)).messages == 0
            assert files(data) == []

    asyncio.run(run())


def test_a_mailbox_that_has_another_name_meanwhile(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            for text in (b"small", large(200_000)):
                work = await begun(store, "Drafts")
                await put(work, text)
                await store.write(mailboxes.rename, 1, "Drafts", "Old", store.clock())
                with pytest.raises(NotFound):
                    await work.finish()
                assert (await store.read(mailboxes.get, 1, "Old")).messages == 0
                assert files(data) == []
                await store.write(mailboxes.rename, 1, "Old", "Drafts", store.clock())

    asyncio.run(run())


def test_of_two_at_the_edge_of_the_quota_one_is_filed(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data, {1: 3_000_000}) as store:
            works = [await begun(store) for _ in range(4)]
            for work in works:
                await put(work, large(1_200_000), LETTER, large(400_000))
            answers = await asyncio.gather(
                *[work.finish() for work in works], return_exceptions=True
            )
            assert sum(isinstance(answer, append.Appended) for answer in answers) == 1
            assert sum(isinstance(answer, MailboxFull) for answer in answers) == 3
            assert (await store.usage(1)).messages == 3
            blobs = await store.db.read(lambda tx: tx.all("SELECT id FROM blob"))
            assert len(blobs) == 3
            assert len(files(data)) == (2 if store.db.engine == "sqlite" else 0)
            await audit(store)

    asyncio.run(run())


def test_the_quota_of_messages_holds_before_and_in_the_commit(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data, {1: Quota(messages=3)}) as store:
            works = [await begun(store) for _ in range(2)]
            for work in works:
                await put(work, LETTER, LETTER)
            answers = await asyncio.gather(
                *[work.finish() for work in works], return_exceptions=True
            )
            assert sum(isinstance(answer, MailboxFull) for answer in answers) == 1
            work = await begun(store)
            with pytest.raises(MailboxFull):
                await put(work, LETTER, LETTER)
            await work.abort()
            await put(work := await begun(store), LETTER)
            await work.finish()
            work = await replacing(store, (await uids(store))[-1])  # one goes, one comes
            await put(work, LETTER)
            await work.finish()
            assert (await store.usage(1)).messages == 3
            await audit(store)

    asyncio.run(run())


def test_a_member_of_a_shared_mailbox_has_a_seen_of_his_own(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            import msgspec

            work = appender(store)
            await work.begin(msgspec.structs.replace(await place_of(store, "INBOX"), member=2))
            await work.message(SEEN | DRAFT, [], 0)
            await work.write(LETTER)
            await work.finish()
            assert await store.db.read(lambda tx: tx.all("SELECT flags FROM entry")) == [(DRAFT,)]
            seen = await store.db.read(lambda tx: tx.all("SELECT member_id, uid FROM seen"))
            assert seen == [(2, 1)]

    asyncio.run(run())


async def replacing(store: Store, uid: int, *, target: str = "INBOX") -> Appender:
    work = appender(store)
    view = await opened(store)
    await work.begin(await place_of(store, target), replacing=(view, uid))
    return work


async def uids(store: Store, name: str = "INBOX") -> list[int]:
    found = await opened(store, name, read_only=True)
    return [uid for uid in range(1, 20) if found.sequence_of(uid)]


@pytest.mark.parametrize("target", ["INBOX", "Sent"])
def test_a_message_in_the_place_of_another(database: Opener, data: Path, target: str) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(work := await begun(store), LETTER, LETTER)
            await work.finish()
            work = await replacing(store, 1, target=target)
            await put(work, large(2_000_000))
            appended = await work.finish()
            assert appended.has_replaced
            assert await uids(store) == ([2, 3] if target == "INBOX" else [2])
            assert await uids(store, target) == ([2, 3] if target == "INBOX" else [1])
            await audit(store)

    asyncio.run(run())


def test_of_two_that_replace_one_message_one_is_refused(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(work := await begun(store), LETTER)
            await work.finish()
            works = [await replacing(store, 1) for _ in range(3)]
            for work in works:
                await put(work, large(2_000_000))
            answers = await asyncio.gather(
                *[work.finish() for work in works], return_exceptions=True
            )
            assert sum(isinstance(answer, append.Appended) for answer in answers) == 1
            assert sum(isinstance(answer, Expunged) for answer in answers) == 2
            assert await uids(store) == [2]
            assert len(files(data)) == (store.db.engine == "sqlite")
            await audit(store)
            with pytest.raises(Expunged):
                await replacing(store, 1)

    asyncio.run(run())


def test_only_what_is_more_counts_for_the_quota(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data, {1: 100}) as store:
            await put(work := await begun(store), b"A: b\r\n\r\n" + b"x" * 92)
            await work.finish()
            for size, fits in ((80, True), (93, False), (92, True)):
                uid = (await uids(store))[-1]
                work = await replacing(store, uid)
                letter = b"A: b\r\n\r\n" + b"x" * size
                if fits:
                    await put(work, letter)
                    await work.finish()
                else:
                    with pytest.raises(MailboxFull):
                        await put(work, letter)
                    await work.abort()
                    assert await uids(store) == [uid]
            assert (await store.usage(1)).octets == 100
            work = await replacing(store, (await uids(store))[-1], target="Sent")
            await put(work, b"A: b\r\n\r\n")
            await work.finish()
            assert (await store.usage(1)).octets == 8
            await audit(store)

    asyncio.run(run())


def test_a_refused_replacement_leaves_the_old_message(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(work := await begun(store), LETTER)
            await work.finish()
            work = await replacing(store, 1)
            await put(work, b"a\0b")
            with pytest.raises(Refused):
                await work.finish()
            work = await replacing(store, 1, target="Archive")
            await put(work, LETTER)
            await store.delete_mailbox(1, "Archive")
            with pytest.raises(NotFound):
                await work.finish()
            view = await opened(store, read_only=True)
            with pytest.raises(Refused, match="read-only"):
                await work.begin(await place_of(store, "INBOX"), replacing=(view, 1))
            assert await uids(store) == [1]
            await audit(store)

    asyncio.run(run())
