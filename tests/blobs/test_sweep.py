"""What crashes left behind."""

import asyncio
import os
from pathlib import Path

from postroom.blobs.store import GRACE_MS
from postroom.blobs.sweep import sweep
from postroom.db.open import open_database
from tests.blobs.letters import LARGE, noise, put, store, write
from tests.fakes import START


def age(data: Path, milliseconds: int) -> None:
    for path in (data / "blobs").rglob("*"):
        if path.is_file():
            os.utime(path, ns=(milliseconds * 1_000_000,) * 2)


def test_old_files_without_a_row_are_set_aside(data: Path) -> None:
    async def go() -> None:
        db = await open_database(data)
        blobs = store(data, db)
        kept = await put(blobs, db, noise(LARGE))
        orphan = await write(blobs, noise(LARGE, 2))
        unfinished = blobs.writer()
        await unfinished.write(noise(LARGE))
        (data / "blobs" / "note.txt").write_text("not ours")
        age(data, START)

        assert await sweep(data, db, START + GRACE_MS - 1) == 0
        assert await sweep(data, db, START + GRACE_MS + 1) == 2
        await blobs.verify(db, kept.id)
        assert [path.name for path in (data / "quarantine").iterdir()] == [
            Path(orphan.path or "").name
        ]
        assert (data / "quarantine").stat().st_mode & 0o777 == 0o700
        assert list((data / "blobs" / "tmp").iterdir()) == []
        assert (data / "blobs" / "note.txt").exists()
        assert await sweep(data, db, START + GRACE_MS + 1) == 0
        await unfinished.abort()
        await db.close()

    asyncio.run(go())


def test_a_folder_without_blobs(data: Path) -> None:
    async def go() -> None:
        db = await open_database(data)
        assert await sweep(data, db, START) == 0
        await db.close()

    asyncio.run(go())
