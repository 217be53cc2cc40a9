"""What crashes left behind."""

import asyncio
import os
from pathlib import Path

from postroom.blobs.store import GRACE_MS, BlobStore
from postroom.blobs.sweep import named, sweep
from postroom.db.database import Tx
from postroom.db.ids import Ids
from postroom.db.open import open_database
from tests.blobs.letters import LARGE, noise, put, store, write
from tests.conftest import Opener
from tests.fakes import START
from tests.planned import Planned


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


def test_rows_are_found_by_their_ids(database: Opener, data: Path) -> None:
    async def go() -> None:
        async with database() as db:
            blobs = BlobStore(data, "sqlite", Ids(lambda: START))  # bodies in files
            large = [await put(blobs, db, noise(LARGE, one)) for one in range(2)]
            small = await put(blobs, db, b"small")

            def look(tx: Tx) -> tuple[set[int], list[str]]:
                planned = Planned(tx, {"blob"})
                return named(planned, [large[0].id, small.id, large[1].id, 7]), planned.steps

            found, steps = await db.read(look)
            assert found == {one.id for one in large}
            if db.engine == "sqlite":
                assert steps == ["SEARCH blob USING INTEGER PRIMARY KEY (rowid=?)"]

    asyncio.run(go())
