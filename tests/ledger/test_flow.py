import asyncio

from postroom.db.database import Tx
from postroom.db.ids import Ids
from postroom.ledger import flow, rows
from postroom.ledger.flow import Hour
from postroom.ledger.rows import Entry
from tests.conftest import Opener
from tests.fakes import Clock

HOUR = 3_600_000


def test_letters_are_counted_by_the_hour_and_older_ones_not(database: Opener) -> None:
    def story(tx: Tx) -> None:
        clock = Clock()
        ids = Ids(clock)
        begin = clock.now

        def came(at: int) -> None:
            clock.now = at
            entry = Entry(
                ids.next(), at, "smtp", "", "", "", "", "", 1, account_id=7 if at == begin else None
            )
            rows.add(tx, [entry], [])

        for at in (begin - 1, begin, begin + HOUR - 1, begin + HOUR, begin + 3 * HOUR - 1):
            came(at)
        assert flow.accepted(tx, begin + 3 * HOUR, 3) == [Hour(2, 1), Hour(1), Hour(1)]
        assert flow.accepted(tx, begin + 99 * HOUR, 2) == [Hour(), Hour()]

    async def inside() -> None:
        async with database() as db:
            await db.write(story)

    asyncio.run(inside())
