"""Bodies that are missing or damaged."""

import asyncio
from pathlib import Path

import pytest

from postroom.access.incoming import Incoming
from postroom.blobs import audit
from postroom.store.store import Store
from tests.access.shop import shop
from tests.conftest import Opener


async def keep(store: Store, octets: bytes) -> int:
    incoming = Incoming(store.blobs)
    await incoming.write(octets)
    blob = (await incoming.finish(apart=len(octets) > 1000)).blob
    await store.db.write(lambda tx: store.blobs.insert(tx, [(blob, 1)]))
    await store.blobs.inserted(blob)
    return blob.id


async def missing(store: Store) -> list[int]:
    return [ident async for ident in audit.missing(store.db, store.blobs)]


async def damaged(store: Store) -> list[int]:
    return [ident async for ident, _ in audit.damaged(store.db, store.blobs)]


def test_what_is_missing_or_damaged(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "PAGE", 1)

    async def run() -> None:
        async with shop(database, data) as store:
            small = await keep(store, b"A: 1\r\n\r\nhello\r\n")
            large = await keep(store, b"A: 1\r\n\r\n" + b"x" * 300_000)
            assert await missing(store) == await damaged(store) == []
            await store.db.write(
                lambda tx: tx.execute(
                    "UPDATE blob SET digest = :zero WHERE id = :id", zero=bytes(32), id=small
                )
            )
            assert await missing(store) == []
            assert await damaged(store) == [small]
            if store.db.engine == "postgres":
                await store.db.write(lambda tx: tx.execute("DELETE FROM blob_frame"))
            else:
                await asyncio.to_thread(Path(store.blobs.files.place(large)).unlink)
            assert await missing(store) == [large]
            assert await damaged(store) == [small, large]
            await store.db.write(
                lambda tx: tx.execute("UPDATE blob SET body = NULL WHERE id = :id", id=small)
            )
            assert await missing(store) == [small, large]

    asyncio.run(run())
