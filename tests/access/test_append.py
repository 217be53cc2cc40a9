"""APPEND: streaming, line ends, limits."""

import asyncio
from pathlib import Path

import pytest

from postroom.access import fetch
from postroom.access.append import MAX_HEAD, Appender
from postroom.errors import Invalid, MailboxFull, NotFound, Permanent, Refused
from postroom.message.index import index
from postroom.message.scan import scan
from postroom.post.commit import Post
from postroom.store.flags import SEEN
from postroom.store.store import Store
from tests.access.shop import opened, place_of, shop
from tests.conftest import Opener

LETTER = b"Subject: x\r\nMessage-ID: <1@example.org>\r\n\r\nbody\r\n"


def appender(store: Store, max_message: int = 0) -> Appender:
    post = Post(store.db, store.blobs, store.notify, store.clock)
    return Appender(store, post, max_message=max_message)


async def appended(store: Store, letter: bytes, *, block: int = 7) -> bytes:
    """Append in blocks; the stored content."""
    work = appender(store)
    await work.begin(await place_of(store, "INBOX"), len(letter))
    for start in range(0, len(letter), block):
        await work.write(letter[start : start + block])
    uidvalidity, uid = await work.finish(SEEN, ["$A"], 123_456)
    view = await opened(store, read_only=True)
    assert (view.uidvalidity, view.last_uid) == (uidvalidity, uid)
    async for page in fetch.rows(view, [(uid, uid)], need=frozenset({"head", "bodystructure"})):
        row = page[0]
        assert (row.flags, row.keywords, row.received) == (SEEN, "$A", 123_456)
        content = b"".join([piece async for piece in fetch.stream(row)])
        assert row.size == len(content)
        assert row.bodystructure == index(row.head, scan(content)).bodystructure
        return content
    raise AssertionError("nothing was appended")


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (LETTER, LETTER),
        (LETTER.replace(b"\r\n", b"\n"), LETTER),
        (b"Subject: x\n\nbare\rreturns\rhere\r", b"Subject: x\r\n\r\nbare\r\nreturns\r\nhere\r\n"),
        (b"\r\nno header", b"\r\nno header"),
        (b"Subject: no body\r\n", b"Subject: no body\r\n"),
        (b"Subject: no body\r\n\r\n", b"Subject: no body\r\n\r\n"),
        (b"x", b"x"),
    ],
)
def test_what_is_appended_is_stored_with_crlf(
    database: Opener, data: Path, sent: bytes, kept: bytes
) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            assert await appended(store, sent) == kept
            assert await appended(store, sent, block=1) == kept
            assert await appended(store, sent, block=10_000) == kept

    asyncio.run(run())


def test_large_messages_and_endless_headers(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            large = b"Subject: x\r\n\r\n" + b"0123456789abcdef" * 8 * 1024 * 20
            assert await appended(store, large, block=60_000) == large
            header = b"X: " + b"y" * 900 + b"\r\n"
            endless = header * (MAX_HEAD // len(header) + 100)
            assert await appended(store, endless, block=50_000) == endless

    asyncio.run(run())


def test_limits_are_checked_before_anything_is_sent(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data, {1: 100}) as store:
            work = appender(store, max_message=1000)
            with pytest.raises(NotFound):
                await work.begin(await place_of(store, "Nowhere"), 10)
            with pytest.raises(Permanent):
                await work.begin(await place_of(store, "INBOX"), 1001)
            with pytest.raises(MailboxFull):
                await work.begin(await place_of(store, "INBOX"), 101)
            with pytest.raises(Invalid):
                await work.finish(0, [], 0)
            await work.begin(await place_of(store, "Drafts"), 100)
            await work.write(b"A: b\r\n\r\n")
            await work.finish(0, [], 0)
            assert (await store.usage(1)).octets == 8

    asyncio.run(run())


def test_nul_is_refused_and_leaves_nothing(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            work = appender(store)
            await work.begin(await place_of(store, "INBOX"), 20)
            await work.write(LETTER)
            await work.write(b"a\0b")
            await work.write(LETTER)
            with pytest.raises(Refused):
                await work.finish(0, [], 0)
            await work.begin(await place_of(store, "INBOX"), 20)
            await work.write(LETTER * 10_000)
            await work.abort()
            assert (await store.usage(1)).messages == 0

    asyncio.run(run())
    assert [path for path in data.rglob("*") if path.is_file()] == []


def test_a_mailbox_deleted_meanwhile(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            work = appender(store)
            await work.begin(await place_of(store, "Archive"), 20)
            await work.write(LETTER)
            await store.delete_mailbox(1, "Archive")
            with pytest.raises(NotFound):
                await work.finish(0, [], 0)
            assert (await store.usage(1)).messages == 0

    asyncio.run(run())
