"""What URLs name, and what they may not."""

import asyncio
import random
from pathlib import Path

import pytest

from postroom.access.append import Appender
from postroom.access.places import Places
from postroom.access.quoting import MAX_VIEWS, Quoting, read
from postroom.post.commit import Post
from postroom.protocol.imap.urls import BadUrl
from postroom.store.store import Store
from tests.access.shop import Person, opened, put, shop
from tests.conftest import Opener

LETTER = b"Subject: x\r\nTo: a@b\r\n\r\nbody\r\n"


async def octets(quoting: Quoting, url: bytes) -> bytes:
    quoted = await quoting.find(url)
    found = b"".join([piece async for piece in read(quoted)])
    assert len(found) == quoted.size
    return found


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (b"/INBOX/;UID=1", b"X: y\r\n" + LETTER),
        (b";UID=1/;SECTION=TEXT", b"body\r\n"),
        (b";UID=1/;SECTION=1/;PARTIAL=1.2", b"od"),
        (b";UID=1/;PARTIAL=6.10", LETTER[:10]),
        (b";UID=1/;PARTIAL=30", LETTER[24:]),
        (b";UID=1/;PARTIAL=3000.5", b""),
        (b";UID=1/;SECTION=HEADER.FIELDS%20(to)", b"To: a@b\r\n\r\n"),
        (b";UID=1/;SECTION=HEADER.FIELDS%20(to)/;PARTIAL=4.3", b"a@b"),
    ],
)
def test_parts(database: Opener, data: Path, url: bytes, expected: bytes) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, LETTER, prefix=b"X: y\r\n")
            quoting = Quoting(Places(Person(), store), store, await opened(store))
            assert await octets(quoting, url) == expected
            flags = await store.db.read(lambda tx: tx.all("SELECT flags FROM entry"))
            assert flags == [(0,)]

    asyncio.run(run())


def test_a_large_part(database: Opener, data: Path) -> None:
    body = random.Random(1).randbytes(1_200_000).hex().encode()

    async def run() -> None:
        async with shop(database, data) as store:
            await append(store, b"Subject: x\r\n\r\n" + body)
            quoting = Quoting(Places(Person(), store), store, None)
            assert await octets(quoting, b"/INBOX/;UID=1/;SECTION=TEXT") == body
            piece = await octets(quoting, b"/INBOX/;UID=1/;SECTION=1/;PARTIAL=1000000.1200000")
            assert piece == body[1_000_000:2_200_000]

    asyncio.run(run())


def test_few_mailboxes_are_kept_open(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, LETTER)
            quoting = Quoting(Places(Person(), store), store, None)
            for _ in range(2):
                for name in (b"Drafts", b"Sent", b"Junk", b"Trash", b"Archive"):
                    with pytest.raises(BadUrl):
                        await quoting.find(b"/%s/;UID=1" % name)
                assert await octets(quoting, b"/INBOX/;UID=1") == LETTER
                assert len(quoting._views) == MAX_VIEWS

    asyncio.run(run())


async def append(store: Store, letter: bytes) -> None:
    work = Appender(store, Post(store.db, store.blobs, store.notify, store.clock))
    await work.begin(await Places(Person(), store).get("INBOX"))
    await work.message(0, [], 0)
    await work.write(letter)
    await work.finish()


@pytest.mark.parametrize(
    "url",
    [
        b";UID=1",
        b"/INBOX/;UID=2",
        b"/INBOX;UIDVALIDITY=7/;UID=1",
        b"/Nowhere/;UID=1",
        b"/INBOX/;UID=1/;SECTION=2",
        b"/INBOX/;UID=1/;SECTION=1.HEADER",
        b"no url",
    ],
)
def test_what_is_not_there(database: Opener, data: Path, url: bytes) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, LETTER)
            with pytest.raises(BadUrl):
                await Quoting(Places(Person(), store), store, None).find(url)
            with pytest.raises(BadUrl):  # somebody else
                await Quoting(Places(Person(2), store), store, None).find(b"/INBOX/;UID=1")

    asyncio.run(run())
