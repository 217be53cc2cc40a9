"""What was sent by JMAP: what a client is told has changed is what has, and taking back in time."""

import asyncio
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from postroom.blobs.store import BlobStore
from postroom.db.database import ConstraintFailed, Database, Tx
from postroom.db.ids import Ids
from postroom.ledger import rows as ledger
from postroom.ledger.rows import Fact
from postroom.queue import listing, submissions
from postroom.queue.submissions import State, Submission, Wish, submitted
from tests.conftest import Opener
from tests.fakes import START, Clock
from tests.queue.letters import add, blobs, counted, letter

WISH = Wish(1, "I1", 70, 80, "{}")
LATER = START + 60_000


def row(ident: int, account: int = 1, send_at: int = START) -> Submission:
    return submitted(ident, msgspec.structs.replace(WISH, account_id=account), send_at)


async def state(db: Database, account: int = 1, now: int = START) -> State:
    return await db.read(lambda tx: submissions.state(tx, account, now))


async def changed(db: Database, since: State, limit: int = 100) -> tuple[list[int], ...]:
    found = await db.read(lambda tx: submissions.since(tx, 1, since, limit))
    assert found is not None
    return found.created, found.updated, found.destroyed


def test_rows_are_told_by_account(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            assert await state(db) == State(0, 0)
            await db.write(lambda tx: submissions.add(tx, [row(9), row(7), row(8, account=2)]))
            assert (await state(db)).modseq == 2
            assert (await state(db, 2)).modseq == 1
            first = msgspec.structs.replace(row(7), made=1, modseq=1)
            second = msgspec.structs.replace(row(9), made=2, modseq=2)
            assert await db.read(lambda tx: submissions.every(tx, 1, 9)) == [first, second]
            assert await db.read(lambda tx: submissions.every(tx, 1, 1)) == [first]
            assert await db.read(lambda tx: submissions.some(tx, 1, [9, 8, 5])) == [second]
            assert await db.read(lambda tx: submissions.some(tx, 1, [])) == []
            with pytest.raises(ConstraintFailed):
                await db.write(lambda tx: submissions.add(tx, [row(7)]))
            assert (await state(db)).modseq == 2
            await db.write(lambda tx: submissions.withdraw(tx, [9, 5]))
            assert await db.read(lambda tx: submissions.every(tx, 1, 9)) == [first]
            await db.write(lambda tx: submissions.forget_account(tx, 1))
            assert await state(db) == State(0, 0)
            assert len(await db.read(lambda tx: submissions.every(tx, 2, 9))) == 1

    asyncio.run(run())


def test_a_letter_is_taken_back_while_it_waits(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with database() as db:
            store = BlobStore(data, db.engine, Ids(Clock()))
            letters = [letter(7, "b@x.test", "c@x.test", due=LATER), letter(8, due=LATER)]
            letters += [letter(9), letter(10, due=LATER)]
            await db.write(lambda tx: blobs(tx, letters))
            await db.write(lambda tx: add(tx, letters))
            await db.write(lambda tx: submissions.add(tx, [row(one) for one in (7, 8, 9, 10)]))
            await db.write(
                lambda tx: tx.execute("UPDATE delivery SET status = 1 WHERE queued_id = 8")
            )
            await db.write(
                lambda tx: tx.execute("UPDATE delivery SET attempts = 1 WHERE queued_id = 10")
            )

            async def cancel(ident: int, now: int = START) -> bool:
                (one,) = await db.read(lambda tx: submissions.some(tx, 1, [ident]))
                return (
                    await db.write(lambda tx: submissions.cancel(tx, store, one, now)) is not None
                )

            for ident in (8, 9, 10):  # being sent, due at once, tried before
                assert not await cancel(ident)
            assert not await cancel(7, LATER)
            before = await state(db)
            assert await cancel(7)
            assert not await cancel(7)
            assert await changed(db, before) == ([], [7], [])
            (one,) = await db.read(lambda tx: submissions.some(tx, 1, [7]))
            assert one.undo == "canceled"
            assert await db.read(lambda tx: listing.show(tx, 7)) is None
            assert await db.read(lambda tx: listing.show(tx, 8)) is not None
            await db.read(counted)

    asyncio.run(run())


def test_what_is_destroyed_is_told_until_it_is_forgotten(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await db.write(lambda tx: submissions.add(tx, [row(7), row(8), row(9)]))
            before = await state(db)
            old = State(0, 0)
            waits = [letter(9)]
            await db.write(lambda tx: blobs(tx, waits))
            await db.write(lambda tx: add(tx, waits))
            (one,) = await db.read(lambda tx: submissions.some(tx, 1, [7]))
            await db.write(lambda tx: submissions.destroy(tx, one))
            assert await db.read(lambda tx: submissions.some(tx, 1, [7])) == []
            assert await changed(db, before) == ([], [], [7])
            assert await changed(db, old) == ([8, 9], [], [])
            assert await db.write(lambda tx: submissions.expire(tx, 10)) == 1  # 9 still waits
            assert await db.write(lambda tx: submissions.expire(tx, 10)) == 0
            assert await changed(db, before) == ([], [], [7, 8])
            assert await db.write(lambda tx: submissions.forget(tx, 8)) == 1
            for lost in (before, old):
                gone = await db.read(lambda tx, lost=lost: submissions.since(tx, 1, lost, 9))  # type: ignore[misc]
                assert gone is None
            now = await state(db)
            assert await changed(db, now) == ([], [], [])
            ahead = State(now.modseq + 1, 0)
            assert await db.read(lambda tx: submissions.since(tx, 1, ahead, 9)) is None

    asyncio.run(run())


def test_what_the_ledger_tells_of_them(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:

            def write(tx: Tx) -> None:
                submissions.add(tx, [row(7), row(8), row(9, account=2)])
                for ident, number in ((7, 100), (7, 103), (8, 101), (9, 102)):
                    ledger.note(tx, [Fact(ident, number, START, "deferred", "b@x.test")])

            await db.write(write)
            assert (await state(db)).told == 103
            assert (await state(db, now=START + submissions.WATCHED_MS)).told == 0
            found = await db.read(lambda tx: submissions.told(tx, 1, 100, 9, START))
            assert found == [(8, 101), (7, 103)]
            assert await db.read(lambda tx: submissions.told(tx, 1, 0, 1, START)) == [(8, 101)]
            assert await db.read(lambda tx: submissions.told(tx, 1, 103, 9, START)) == []

    asyncio.run(run())


_STEPS = st.lists(
    st.tuples(st.sampled_from(["add", "destroy", "touch", "look"]), st.integers(0, 9)), max_size=30
)


@given(steps=_STEPS)
@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_who_follows_the_changes_knows_all(database: Opener, steps: list[tuple[str, int]]) -> None:
    """A client that asks for a few changes at a time ends with the rows that are there."""

    async def run() -> None:
        async with database() as db:
            known: set[int] = set()
            seen = await state(db)
            made = 0
            for step, choice in [*steps, ("look", 0)]:
                there = await db.read(lambda tx: submissions.every(tx, 1, 100))
                if step == "add":
                    made += 1
                    fresh = row(made)
                    await db.write(lambda tx, fresh=fresh: submissions.add(tx, [fresh]))  # type: ignore[misc]
                elif step == "look":
                    has_more = True
                    while has_more:
                        found = await db.read(
                            lambda tx, seen=seen: submissions.since(tx, 1, seen, 2)  # type: ignore[misc]
                        )
                        assert found is not None
                        assert known.isdisjoint(found.created)
                        assert known.issuperset(found.updated)
                        known = (known | set(found.created)) - set(found.destroyed)
                        has_more = found.has_more
                        base = seen.modseq if seen.base < 0 else seen.base
                        seen = State(found.modseq, 0, base if has_more else -1)
                    assert known == {one.id for one in there}
                elif there:
                    one = there[choice % len(there)]
                    undo = "gone" if step == "destroy" else "canceled"
                    await db.write(
                        lambda tx, one=one, undo=undo: submissions._set(tx, one, undo)  # type: ignore[misc]
                    )

    asyncio.run(run())
