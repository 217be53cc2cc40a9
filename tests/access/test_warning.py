"""The notice that a mailbox is nearly full."""

import asyncio
from pathlib import Path

import pytest

from postroom.access import fetch, loading
from postroom.access.warning import Warner, readable, warn
from postroom.errors import NotFound
from postroom.message.headers import value
from postroom.post.commit import Post
from postroom.telemetry.events import StorageTrouble
from tests.access.shop import opened, put, shop
from tests.conftest import Opener
from tests.fakes import Recorder


def test_the_notice_arrives_in_a_mailbox_that_is_full(database: Opener, data: Path) -> None:
    async def address_of(account_id: int) -> str:
        return f"person{account_id}@example.org"

    async def run() -> None:
        async with shop(database, data, {1: 100}) as store:
            await put(store, b"Subject: x\r\n\r\n" + b"y" * 100)
            post = Post(store.db, store.blobs, store.notify, store.clock)
            sent = await warn(
                store, post, [(1, 95), (1, 95)], address_of=address_of, hostname="mx.example.org"
            )
            assert sent == 1
            view = await opened(store, read_only=True)
            assert view.exists == 2
            async for page in loading.rows(view, [(2, 2)], need=frozenset({"head", "envelope"})):
                row = page[0]
                assert value(row.head, b"to") == b"person1@example.org"
                assert value(row.head, b"subject") == b"Your mailbox is 95 % full"
                assert value(row.head, b"auto-submitted") == b"auto-generated"
                assert b"95 % full" in await fetch.octets(row, 0, 10_000)
                assert row.envelope.startswith(b'("')

    asyncio.run(run())


def test_one_that_cannot_be_sent_keeps_none_of_the_others(
    database: Opener, data: Path, events: Recorder
) -> None:
    async def address_of(account_id: int) -> str:
        if account_id == 0:
            raise NotFound("the account is gone")
        return f"person{account_id}@example.org"

    async def run() -> None:
        async with shop(database, data, {1: 100}) as store:
            post = Post(store.db, store.blobs, store.notify, store.clock)
            due = [(0, 95), (1, 95)]
            assert await warn(store, post, due, address_of=address_of, hostname="mx.test") == 1

    asyncio.run(run())
    assert [one.reason for one in events.of(StorageTrouble)] == ["the account is gone"]


def test_in_the_background_and_all_of_them(database: Opener, data: Path) -> None:
    async def address_of(account_id: int) -> str:
        return f"person{account_id}@example.org"

    async def run() -> None:
        async with shop(database, data, {1: 100}) as store:
            post = Post(store.db, store.blobs, store.notify, store.clock)
            warner = Warner(store, address_of, "mx.example.org")
            warner.send(post, [(1, 80)])
            warner.send(post, [(1, 95)])
            await warner.close()
            assert (await opened(store, read_only=True)).exists == 2

    asyncio.run(run())


@pytest.mark.parametrize(
    ("octets", "text"),
    [(0, "0 octets"), (1023, "1023 octets"), (1536, "1.5 KiB"), (10 << 30, "10.0 GiB"),
     (3 << 40, "3.0 TiB")],
)  # fmt: skip
def test_readable(octets: int, text: str) -> None:
    assert readable(octets) == text
