"""Previews as they are kept: by message, as long as it is there."""

import asyncio
from pathlib import Path

from postroom.store import previews
from postroom.store.previews import Unread
from tests.access.shop import put, shop
from tests.conftest import Opener

LETTER = b"Subject: one\r\n\r\nbody\r\n"


def test_they_are_kept_by_message(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, LETTER, LETTER)
            rows = await store.db.read(lambda tx: tx.all("SELECT id, blob_id FROM message"))
            ids = sorted(row[0] for row in rows)
            blobs = {row[0]: row[1] for row in rows}
            assert await store.read(previews.unread, 1, [*ids, 77]) == [
                Unread(ident, blobs[ident], len(LETTER)) for ident in ids
            ]
            assert await store.read(previews.unread, 2, ids) == []
            assert await store.read(previews.kept, 1, ids) == {}
            await store.write(previews.add, 1, [(ids[0], "bödy"), (77, "nobody's")])
            await store.write(previews.add, 1, [(ids[0], "too late"), (ids[1], "")])
            assert await store.read(previews.kept, 1, ids) == {ids[0]: "bödy", ids[1]: ""}
            assert await store.read(previews.kept, 2, ids) == {}
            assert await store.read(previews.kept, 1, ids[1:]) == {ids[1]: ""}
            await store.remove_account(1)
            assert await store.db.read(lambda tx: tx.all("SELECT 1 FROM preview")) == []

    asyncio.run(run())
