"""Stories of letters, found by what is known of them."""

import asyncio

from postroom.db.database import Database
from postroom.db.ids import first_id_at
from postroom.ledger import rows, segments, trace
from postroom.ledger.rows import Fact
from postroom.ledger.segments import SETTLED_MS
from postroom.ledger.trace import THE_END, Sought, Story
from tests.conftest import Opener
from tests.fakes import START
from tests.ledger.test_rows import entry
from tests.ledger.test_segments import fill


async def every(db: Database, sought: Sought, limit: int = 50) -> list[Story]:
    found: list[Story] = []
    below = trace.NEWEST
    for _ in range(1000):
        step, below = await db.read(
            lambda tx, below=below: trace.search(tx, sought, below=below, limit=limit)  # type: ignore[misc]
        )
        assert len(step) <= limit
        found += step
        if below == THE_END:
            return found
    raise AssertionError("the search does not end")


def test_a_letter_is_found_by_everything_in_its_envelope(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            one = entry(7 << 21, account_id=33)
            filed = Fact(one.id, 1, START, "filed", "sales@demo.test", 4, 4, 1)
            other = entry(8 << 21, message_id="two", sender="z@example.org")
            await db.write(lambda tx: rows.add(tx, [one, other], [filed]))
            for sought in (
                Sought(message_id="one@example.org"),
                Sought(address="a@example.org"),
                Sought(address="sales@demo.test"),
                Sought(address="bob@demo.test", account_id=4),
                Sought(address="nobody@demo.test", account_id=33),
            ):
                assert await every(db, sought) == [Story(one, (filed,))]
            assert await every(db, Sought(message_id="three")) == []
            assert await every(db, Sought(address="three@demo.test", account_id=99)) == []
            assert await db.read(lambda tx: trace.by_id(tx, 5)) is None

    asyncio.run(run())


def test_a_search_goes_through_new_letters_and_segments(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await db.write(lambda tx: fill(tx, 3300))
            for made in (0, 2):
                if made:
                    now = START + SETTLED_MS + 2500
                    assert await segments.extend(db, now) == made
                for number in (0, 999, 1000, 1999, 2000, 2500, 3299):
                    ident = first_id_at(START + number)
                    (story,) = await every(db, Sought(message_id=f"m{ident}"))
                    assert story.entry.id == ident
                    (story,) = await every(db, Sought(address=f"r{START + number}@y"))
                    assert [fact.ledger_id for fact in story.facts] == [ident]

    asyncio.run(run())


def test_an_address_of_many_letters_comes_in_pages_newest_first(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await db.write(lambda tx: fill(tx, 2300))
            await segments.extend(db, START + SETTLED_MS + 10_000)
            ids = [first_id_at(START + number) for number in range(2300)]
            expected = [ident for ident in reversed(ids) if ident % 9 == ids[0] % 9]
            for limit in (1000, 7):
                found = await every(db, Sought(address=f"s{ids[0] % 9}@x"), limit)
                assert [story.entry.id for story in found] == expected
            account = START % 50 + 1
            found = await every(db, Sought(address="unknown@y", account_id=account))
            assert len(found) == 46

    asyncio.run(run())
