"""What crashes left in the file store, a day later.

Temporary files go. A body file without a row was never answered 250, or its row came back
older from a backup: it is moved to ``data/quarantine``, never deleted in silence.
"""

import asyncio
import contextlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from postroom.blobs.store import GRACE_MS
from postroom.db.database import Database, Tx
from postroom.db.ids import from_text

_CHUNK: Final = 500
_NAMED: Final = {
    "sqlite": (
        "SELECT blob.id FROM json_each(:ids) AS wanted JOIN blob ON blob.id = wanted.value"
        " WHERE blob.place = 1"
    ),
    "postgres": "SELECT id FROM blob WHERE id = ANY(:ids) AND place = 1",
}


async def sweep(data: Path, db: Database, now: int) -> int:
    """Clear up files older than 24 h that no row names; how many."""
    temporary, bodies = await asyncio.to_thread(_old_files, data / "blobs", now - GRACE_MS)
    for path in temporary:
        await asyncio.to_thread(path.unlink, missing_ok=True)
    moved = 0
    for at in range(0, len(bodies), _CHUNK):
        some = bodies[at : at + _CHUNK]
        known = await db.read(lambda tx, some=some: named(tx, [ident for ident, _ in some]))  # type: ignore[misc]
        for ident, path in some:
            if ident not in known:
                await asyncio.to_thread(_set_aside, path, data / "quarantine")
                moved += 1
    return len(temporary) + moved


def named(tx: Tx, ids: Sequence[int]) -> set[int]:
    """Which of these body files have a row. Rows between them are not read: they hold bodies."""
    given = json.dumps(list(ids)) if tx.engine == "sqlite" else list(ids)
    return {row[0] for row in tx.all(_NAMED[tx.engine], ids=given)}


def _old_files(blobs: Path, before: int) -> tuple[list[Path], list[tuple[int, Path]]]:
    """Temporary files, and body files in the order of their ids."""
    temporary: list[Path] = []
    bodies: list[tuple[int, Path]] = []
    for folder, _folders, names in os.walk(blobs):
        for name in names:
            path = Path(folder) / name
            with contextlib.suppress(FileNotFoundError):
                if path.lstat().st_mtime_ns // 1_000_000 > before:
                    continue
            if path.parent.name == "tmp":
                temporary.append(path)
                continue
            with contextlib.suppress(ValueError):
                bodies.append((from_text(name), path))
    return temporary, sorted(bodies)


def _set_aside(path: Path, quarantine: Path) -> None:
    quarantine.mkdir(mode=0o700, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        path.rename(quarantine / path.name)
