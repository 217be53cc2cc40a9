"""What accounts have sent elsewhere, and what came back."""

import asyncio

from postroom.db.database import Tx
from postroom.db.ids import Ids
from postroom.ledger import activity, rows
from postroom.ledger.activity import Refused
from postroom.ledger.rows import Entry, Fact, Kind
from tests.conftest import Opener
from tests.fakes import START, Clock

HOUR = 3_600_000
ANN, BOB = 7, 8


def test_it_is_counted_by_account(database: Opener) -> None:
    def story(tx: Tx) -> None:
        clock = Clock()
        ids = Ids(clock)

        def sent(account: int | None, *kinds: Kind) -> None:
            ident = ids.next()
            entry = Entry(
                ident, clock.now, "submission", "", "", "a@demo.test", "", "", 1, account_id=account
            )
            facts = [
                Fact(ident, number, clock.now, kind, f"{number}@x.test", detail=f"{kind} it")
                for number, kind in enumerate(kinds, 1)
            ]
            rows.add(tx, [entry], facts)

        assert activity.first(tx) is None
        sent(ANN, "queued", "queued", "filed")
        sent(None, "queued")
        clock.advance(HOUR)
        sent(ANN, "queued", "bounced", "deferred", "delivered")
        sent(BOB, "queued")
        assert activity.first(tx) == START
        assert activity.recipients(tx, START, START + 1) == {ANN: 2}
        assert activity.recipients(tx, START + 1, START + 2 * HOUR) == {ANN: 1, BOB: 1}
        assert activity.recipients(tx, START, START + 2 * HOUR) == {ANN: 3, BOB: 1}
        both = [Refused(ANN, "2@x.test", "bounced it"), Refused(ANN, "3@x.test", "deferred it")]
        assert sorted(activity.refused(tx, START, START), key=lambda one: one.recipient) == both
        assert activity.refused(tx, START, START + HOUR + 1) == []
        assert activity.refused(tx, START + HOUR + 1, START) == []

    async def run() -> None:
        async with database() as db:
            await db.write(story)

    asyncio.run(run())
