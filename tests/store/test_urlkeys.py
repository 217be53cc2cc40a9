"""Keys that authorize URLs."""

import asyncio
from pathlib import Path

from postroom.store import mailboxes, urlkeys
from tests.access.shop import shop
from tests.conftest import Opener


def test_a_key_stays_until_it_is_forgotten(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await store.furnish(1)
            drafts = (await store.read(mailboxes.get, 1, "Drafts")).id
            assert await store.read(urlkeys.find, 1, 1) is None
            assert await store.write(urlkeys.make, 1, 1, b"one") == b"one"
            assert await store.write(urlkeys.make, 1, 1, b"two") == b"one"
            assert await store.write(urlkeys.make, 1, drafts, b"three") == b"three"
            assert await store.write(urlkeys.make, 2, drafts, b"four") == b"four"
            await store.write(urlkeys.forget, 1, 1)
            assert await store.read(urlkeys.find, 1, 1) is None
            assert await store.write(urlkeys.make, 1, 1, b"five") == b"five"
            await store.write(urlkeys.forget, 1)
            assert await store.read(urlkeys.find, 1, drafts) is None
            assert await store.read(urlkeys.find, 2, drafts) == b"four"
            await store.delete_mailbox(1, "Drafts")
            assert await store.read(urlkeys.find, 2, drafts) is None
            await store.write(urlkeys.make, 1, 1, b"six")
            await store.remove_account(1)
            assert await store.read(urlkeys.find, 1, 1) is None

    asyncio.run(run())
