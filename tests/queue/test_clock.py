"""A clock that was ahead leaves nothing behind that waits for that time."""

import asyncio

import pytest

from postroom.queue import claims, clock
from postroom.queue.claims import Pace
from postroom.queue.rows import BULK
from tests.conftest import Opener
from tests.fakes import START
from tests.queue.letters import add, counted, letter

HOUR = 3_600_000
YEAR = 365 * 24 * HOUR
LATER = START + YEAR


@pytest.mark.parametrize("most", [1, 2, 100])
def test_what_waits_for_a_time_that_was_wrong_is_due(database: Opener, most: int) -> None:
    async def run() -> None:
        async with database() as db:
            some = [
                letter(7, "b@tried.test"),
                letter(8, "b@dead.test"),
                letter(9, "b@wanted.test", due=START + 3 * YEAR),
                letter(10, "b@soon.test", due=START + HOUR),
                letter((LATER << 21) + 1, "b@came.test", accepted=LATER, priority=BULK),
                letter((LATER << 21) + 2, "b@hold.test", accepted=LATER, due=LATER + 9 * HOUR),
                letter((LATER << 21) + 3, "b@right.test", accepted=START + 5, due=START + HOUR),
            ]
            await db.write(lambda tx: add(tx, some))
            await db.write(lambda tx: tx.execute(
                "UPDATE delivery SET next_attempt = :at WHERE queued_id = 7", at=LATER + HOUR
            ))  # fmt: skip
            for name in ("tried.test", "dead.test"):
                pause = Pace(1, 3, LATER if name == "dead.test" else START, "no")
                await db.write(lambda tx, n=name, p=pause: claims.end(tx, 1, n, p, START))  # type: ignore[misc]
            await db.write(lambda tx: claims.open_lease(tx, 55, "dead.test", LATER))
            after: str | None = ""
            while after is not None:
                after = await db.write(
                    lambda tx, a=after: clock.bring_back(tx, START + 9, 4 * HOUR, a, most)  # type: ignore[misc]
                )
            rows = await db.read(
                lambda tx: tx.all(
                    "SELECT d.destination, d.next_attempt, q.due, n.ready_at, n.paused_until"
                    " FROM delivery d JOIN queued q ON q.id = d.queued_id"
                    " JOIN destination n ON n.name = d.destination ORDER BY d.destination"
                )
            )
            now, wanted, soon = START + 9, START + 3 * YEAR, START + HOUR
            hold = now + 9 * HOUR
            assert [tuple(row) for row in rows] == [
                ("came.test", now, now, now, 0),
                ("dead.test", START, START, START, 0),
                ("hold.test", hold, hold, hold, 0),
                ("right.test", soon, soon, soon, 0),
                ("soon.test", soon, soon, soon, 0),
                ("tried.test", now, START, now, START),
                ("wanted.test", wanted, wanted, wanted, 0),
            ]
            assert await db.read(lambda tx: tx.one("SELECT until FROM lease")) == (
                now + claims.LEASE_MS,
            )
            await db.read(counted)

    asyncio.run(run())
