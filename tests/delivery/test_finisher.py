"""The ends of messages that nobody is told of."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from postroom.db.database import Tx
from postroom.delivery.finisher import FIRST_PAUSE, LONGEST_PAUSE, Finished, Finisher
from postroom.errors import StorageFailed
from postroom.ledger.rows import Fact
from postroom.queue import claims
from postroom.queue.claimed import Claimed
from postroom.queue.settling import Outcome, Settled
from postroom.telemetry.events import StorageTrouble
from tests.conftest import Opener
from tests.delivery.station import Station, station
from tests.delivery.test_settler import claimed, lease_of
from tests.fakes import Recorder


def finished(here: Station, work: Claimed, recipient: str = "you@b.test") -> Finished:
    """Delivered, as the ledger will say."""
    outcomes = [Outcome(one.number, one.lease, one.destination, "done") for one in work.recipients]
    fact = Fact(work.letter.id, here.ids.next(), here.clock(), "delivered", recipient)
    return Finished(Settled(work.letter.id, tuple(outcomes)), (fact,))


def test_queue_and_ledger_are_written_together(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with station(database, data) as here:
            works = [await claimed(here, f"u@b{number}.test") for number in range(5)]
            finisher = Finisher(here.db, here.blobs, here.clock)
            await finisher.finish([finished(here, work) for work in works])
            assert await here.waiting() == []
            for work in works:
                kinds = [kind for kind, _, _ in await here.facts(work.letter.id)]
                assert kinds == ["queued", "delivered"]

    asyncio.run(run())


def test_what_is_not_ours_any_more_stays(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with station(database, data) as here:
            work = await claimed(here, "you@b.test")
            await here.db.write(lambda tx: claims.end(tx, lease_of(work), "", None, here.clock()))
            await Finisher(here.db, here.blobs, here.clock).finish([finished(here, work)])
            assert [one.recipient for one in await here.waiting()] == ["you@b.test"]

    asyncio.run(run())


def test_the_end_that_can_not_be_written_spoils_no_other(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with station(database, data) as here:
            works = [await claimed(here, f"u@b{number}.test") for number in range(3)]
            odd = finished(here, works[1], "\ud800")
            ends = [finished(here, works[0]), odd, finished(here, works[2])]
            with pytest.raises(UnicodeEncodeError):
                await Finisher(here.db, here.blobs, here.clock).finish(ends)
            assert [row.recipient for row in await here.waiting()] == ["u@b1.test"]

    asyncio.run(run())


def test_ends_wait_for_a_database_that_fails(
    database: Opener, data: Path, events: Recorder
) -> None:
    async def run() -> None:
        async with station(database, data) as here:
            work = await claimed(here, "you@b.test")
            failures = [StorageFailed(detail="the disk")] * 20
            pauses: list[float] = []

            class Sick(Finisher):
                def _write(self, tx: Tx, many: Sequence[Sequence[Finished]]) -> list[None]:
                    if failures:
                        raise failures.pop()
                    return super()._write(tx, many)

            async def sleep(seconds: float) -> None:
                pauses.append(seconds)

            await Sick(here.db, here.blobs, here.clock, sleep=sleep).finish([finished(here, work)])
            assert pauses == [min(FIRST_PAUSE * 2**n, LONGEST_PAUSE) for n in range(len(pauses))]
            assert len(events.of(StorageTrouble)) >= len(pauses) >= 10
            assert await here.waiting() == []

    asyncio.run(run())
