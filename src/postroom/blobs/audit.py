"""Are the bodies of all blobs where their rows say? For ``postroom doctor``."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Final

from postroom.blobs.prepared import IN_FILE, IN_FRAMES, IN_ROW
from postroom.blobs.store import BlobCorrupt, BlobStore
from postroom.db.database import Database, Tx

PAGE: Final = 1000


async def missing(db: Database, blobs: BlobStore) -> AsyncIterator[int]:
    """Blobs whose body is not there, without reading the others."""
    after = 0
    while page := await db.read(partial(_page, after)):
        after = page[-1][0]
        for ident, place, has_body, frames in page:
            if place == IN_FILE:
                is_there = await asyncio.to_thread(Path(blobs.files.place(ident)).is_file)
            else:
                is_there = has_body if place == IN_ROW else frames > 0
            if not is_there:
                yield ident


async def damaged(db: Database, blobs: BlobStore) -> AsyncIterator[tuple[int, str]]:
    """Blobs whose octets are not what was written, and why. Reads everything."""
    after = 0
    while page := await db.read(partial(_page, after)):
        after = page[-1][0]
        for ident, *_ in page:
            try:
                await blobs.verify(db, ident)
            except BlobCorrupt as error:
                if await db.read(partial(_exists, ident)):
                    yield ident, error.detail


def _page(after: int, tx: Tx) -> list[tuple[int, int, bool, int]]:
    rows = tx.all(
        "SELECT o.id, o.place, CASE WHEN o.body IS NULL THEN 0 ELSE 1 END,"
        f" CASE WHEN o.place = {IN_FRAMES} THEN (SELECT count(*) FROM blob_frame f"
        " WHERE f.blob_id = o.id) ELSE 0 END FROM blob o WHERE o.id > :after"
        " ORDER BY o.id LIMIT :page",
        after=after,
        page=PAGE,
    )
    return [(row[0], row[1], bool(row[2]), row[3]) for row in rows]


def _exists(ident: int, tx: Tx) -> bool:
    return tx.one("SELECT 1 FROM blob WHERE id = :id", id=ident) is not None
