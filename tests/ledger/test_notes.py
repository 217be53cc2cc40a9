"""Notes are kept one a name, and a time is claimed once."""

import asyncio

from postroom.db.database import Tx
from postroom.ledger import notes
from tests.conftest import Opener


def test_the_last_one_counts(database: Opener) -> None:
    def story(tx: Tx) -> None:
        assert notes.find(tx, "disk", list[int]) is None
        notes.put(tx, "disk", 5, [1, 2])
        notes.put(tx, "disk", 7, [3])
        notes.put(tx, "queue", 8, [4])
        assert notes.find(tx, "disk", list[int]) == (7, [3])
        assert notes.find(tx, "disk", dict[str, int]) is None  # of another version
        assert notes.among(tx, ["disk", "queue", "gone"], list[int]) == {"disk": [3], "queue": [4]}
        assert notes.among(tx, ["disk"], dict[str, int]) == {}
        assert notes.among(tx, [], list[int]) == {}

    inside(database, story)


def test_a_time_is_claimed_by_one(database: Opener) -> None:
    def story(tx: Tx) -> None:
        assert notes.claim(tx, "look", 1000, 100)
        assert not notes.claim(tx, "look", 1000, 100)
        assert not notes.claim(tx, "look", 1099, 100)
        assert notes.claim(tx, "look", 1100, 100)
        assert notes.claim(tx, "look", 900, 100)  # the clock was wrong

    inside(database, story)


def inside(database: Opener, story: object) -> None:
    async def run() -> None:
        async with database() as db:
            await db.write(story)  # type: ignore[arg-type]

    asyncio.run(run())
