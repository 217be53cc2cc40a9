"""What programs sent with a key."""

import asyncio

from postroom.db.database import Database
from postroom.ledger import sent_once
from postroom.ledger.sent_once import KEPT_MS, SentOnce
from tests.conftest import Opener


def test_the_first_is_kept_until_it_is_old(database: Opener) -> None:
    async def story(db: Database) -> None:
        first = SentOnce(1, "k", 1000, b"d", "m1")
        again = SentOnce(1, "k", 2000, b"e", "m2")
        other = SentOnce(2, "k", 2000, b"e", "m3")
        assert await db.write(lambda tx: sent_once.begin(tx, first)) == first
        assert await db.write(lambda tx: sent_once.begin(tx, again)) == first
        assert await db.write(lambda tx: sent_once.begin(tx, other)) == other
        await db.write(lambda tx: sent_once.finish(tx, first, "{}"))
        assert (await db.write(lambda tx: sent_once.begin(tx, again))).answer == "{}"
        late = SentOnce(1, "k", 1001 + KEPT_MS, b"e", "m4")
        assert await db.write(lambda tx: sent_once.begin(tx, late)) == late
        await db.write(lambda tx: sent_once.forget(tx, late))
        assert (await db.write(lambda tx: sent_once.begin(tx, late))).answer == ""

    async def run() -> None:
        async with database() as db:
            await story(db)

    asyncio.run(run())
