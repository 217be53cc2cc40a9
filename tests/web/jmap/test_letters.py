"""Messages to read from, at hand and stored: the same trees, octets, sizes."""

import asyncio
from pathlib import Path

import pytest

from postroom.message.scan import scan
from postroom.web.jmap import letters
from postroom.web.jmap.letters import Stored, Whole, decoded_size
from tests.access.shop import put, shop
from tests.conftest import Opener
from tests.web.mail.letters import RICH


def test_both_read_the_same(database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letters, "PIECE", 7)

    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, RICH)
            (blob,) = await store.db.read(lambda tx: tx.one("SELECT id FROM blob") or ())
            stored, whole = Stored(store, blob), Whole(RICH)
            assert await stored.tree() == await whole.tree() == scan(RICH)
            assert await stored.octets(5, 50) == await whole.octets(5, 50) == RICH[5:50]
            assert await stored.octets(5, 5) == b""
            waiting = [scan(RICH)]
            while waiting:
                part = waiting.pop()
                waiting += part.children
                sizes = [await decoded_size(one, part) for one in (stored, whole)]
                assert sizes[0] == sizes[1]
                if part.content_type == ("image", "png"):
                    assert sizes[0] == 11

    asyncio.run(run())


def test_one_that_is_gone_is_empty(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            gone = Stored(store, 99)
            assert (await gone.tree()).size == 0
            assert await gone.octets(0, 9) == b""

    asyncio.run(run())
