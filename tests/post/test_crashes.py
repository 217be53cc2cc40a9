"""A process that dies at any step of a commit leaves all of the letter or nothing."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from postroom.db.open import now_ms, open_database
from tests.fakes import Clock
from tests.post.office import large, letter, over

WHOLE = {
    "blob": 1, "message": 2, "entry": 2, "queued": 1, "delivery": 1, "ledger": 1, "ledger_event": 3,
    "submission": 1,
}  # fmt: skip


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        *((name, {}) for name in ("created", "written", "synced", "renamed", "published")),
        *((name, {}) for name in ("filed", "blob", "queued", "told")),
        ("committed", WHOLE),
        ("promised", WHOLE),
    ],
)
def test_a_crash_leaves_all_or_nothing(data: Path, at: str, expected: dict[str, int]) -> None:
    root = Path(__file__).parents[2]
    child = subprocess.run(
        [sys.executable, "-m", "tests.post.crash", str(data), at],
        cwd=root,
        env={**os.environ, "PYTHONPATH": f"{root / 'src'}:{root}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert child.returncode == 9, child.stderr
    assert (child.stdout == "promised\n") is (at == "promised")

    async def look() -> None:
        db = await open_database(data)
        try:
            place = over(db, data, Clock(now_ms() + 10_000))
            assert await place.counts() == expected
            if expected:
                (ident,) = await db.read(lambda tx: tx.one("SELECT id FROM blob")) or (0,)
                await place.blobs.verify(db, ident)
            await place.post.commit(letter(place, 1, blob=await large(place)))
        finally:
            await db.close()

    asyncio.run(look())
