"""Node numbers: two servers never make the same id, whatever their clocks say."""

import asyncio

import pytest

from postroom.db.database import Database
from postroom.db.ids import Ids
from postroom.db.node import (
    LEASE_MS,
    NUMBERS,
    Node,
    database_time,
    leased,
    release,
    renew,
    take,
)
from postroom.db.open import now_ms
from postroom.errors import Refused, StorageFailed
from postroom.telemetry.events import StorageTrouble
from tests.conftest import Opener
from tests.fakes import START, Clock, Recorder


async def rewind(db: Database, until: int) -> None:
    """As if this much time had passed for the database."""
    await db.write(lambda tx: tx.execute("UPDATE node SET until = :until", until=until))


def test_a_number_is_free_when_its_time_is_over(database: Opener) -> None:
    async def go() -> None:
        async with database() as db:
            first = await db.write(lambda tx: take(tx, START, START + 1))
            second = await db.write(lambda tx: take(tx, START, 0))
            assert (first.number, second.number) == (0, 1)
            assert first.until == START + 1 + LEASE_MS
            later = first.until
            third = await db.write(lambda tx: take(tx, later, 7))
            assert (third.number, third.start) == (0, first.until)
            assert await db.write(lambda tx: renew(tx, first, later, 0)) is None
            assert await db.write(lambda tx: renew(tx, third, later, 0)) is not None

    asyncio.run(go())


def test_a_span_never_becomes_shorter(database: Opener) -> None:
    """A clock of the database that goes back takes nothing away from the holder."""

    async def go() -> None:
        async with database() as db:
            lease = await db.write(lambda tx: take(tx, START, START))
            again = await db.write(lambda tx: renew(tx, lease, START - 9_999, START - 9_999))
            assert again is not None
            assert again.until >= lease.until
            await db.write(lambda tx: release(tx, lease, START + 5))
            given = await db.write(lambda tx: take(tx, START + 5, 0))
            assert (given.number, given.start) == (0, START + 5)

    asyncio.run(go())


def test_there_are_so_many_numbers_and_no_more(database: Opener) -> None:
    async def go() -> None:
        async with database() as db:
            for number in range(NUMBERS):
                lease = await db.write(lambda tx: take(tx, START, START))
                assert lease.number == number
            with pytest.raises(Refused, match="in a minute"):
                await db.write(lambda tx: take(tx, START, START))

    asyncio.run(go())


def test_servers_that_start_at_once_have_numbers_of_their_own(database: Opener) -> None:
    async def go() -> None:
        async with database() as db:
            sources = [Ids(now_ms) for _ in range(6)]
            leases = await asyncio.gather(*(Node(db, ids).take() for ids in sources))
            assert {lease.number for lease in leases} == set(range(6))
            made = [ids.next() for ids in sources for _ in range(100)]
            assert len(set(made)) == len(made)

    asyncio.run(go())


def test_who_was_away_too_long_goes_on_with_another_number(database: Opener) -> None:
    """The number is somebody else's by now: ids of both before and after never meet."""

    async def go() -> None:
        async with database() as db:
            slow, quick = Ids(now_ms), Ids(lambda: 5)  # a clock that is far behind
            sleeper, taker = Node(db, slow), Node(db, quick)
            assert (await sleeper.take()).number == 0
            made = [slow.next() for _ in range(10)]
            until = (made[-1] >> 21) + 1
            slow.extend(until)  # its lease has ended here
            await rewind(db, until)
            while await db.read(database_time) < until:
                pass
            assert (await taker.take()).number == 0
            made += [quick.next() for _ in range(10)]
            await sleeper.renew()
            made += [slow.next() for _ in range(10)]
            assert {ident >> 13 & 255 for ident in made[:20]} == {0}
            assert {ident >> 13 & 255 for ident in made[20:]} == {1}
            assert len(set(made)) == len(made)

    asyncio.run(go())


def test_the_lease_is_kept_and_given_back(database: Opener) -> None:
    async def go() -> None:
        async with database() as db:
            ids = Ids(Clock())
            async with leased(db, ids) as node:
                ids.extend(0)
                with pytest.raises(StorageFailed):
                    ids.next()
                await node.renew()
                last = ids.next()
            with pytest.raises(StorageFailed):
                ids.next()
            after = Ids(Clock(0))
            lease = await Node(db, after).take()
            assert lease.number == 0
            assert after.next() > last

    asyncio.run(go())


def test_a_database_that_is_down_is_told_and_tried_again(
    database: Opener, events: Recorder
) -> None:
    async def go() -> None:
        pauses: list[float] = []
        async with database() as db:
            ids = Ids(now_ms)
            node = Node(db, ids)
            for _ in range(NUMBERS):
                await db.write(lambda tx: take(tx, 1 << 60, 1 << 60))

            async def sleep(seconds: float) -> None:
                pauses.append(seconds)
                if len(pauses) == 2:
                    await rewind(db, 0)
                if len(pauses) == 3:
                    raise asyncio.CancelledError

            with pytest.raises(asyncio.CancelledError):
                await node.keep(sleep)
            assert ids.next()
            assert pauses == [10.0, 1.0, 10.0]
            assert [one.where for one in events.of(StorageTrouble)] == ["node"]

    asyncio.run(go())
