"""Every written dialogue, in whole lines and octet by octet."""

import asyncio
from pathlib import Path

import pytest

from tests.conftest import Opener
from tests.listen.imap.house import house
from tests.transcripts.imap_runner import TRANSCRIPTS, Player


def test_there_are_transcripts() -> None:
    assert len(TRANSCRIPTS) > 10


@pytest.mark.parametrize(
    ("feed", "database"),
    [("whole", "sqlite"), ("octets", "sqlite"), ("whole", "postgres")],
    indirect=["database"],
)
@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_transcript(path: Path, feed: str, database: Opener, data: Path) -> None:
    async def run() -> None:
        async with house(data, database=database, max_message=1_000_000) as home:
            await Player(path, "127.0.0.1", home.port, by_octets=feed == "octets").play()

    asyncio.run(run())
