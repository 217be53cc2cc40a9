"""The life of delivery: woken, stopped, killed, and troubled by its database."""

import asyncio
import dataclasses
import struct
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import given, strategies as st

from postroom.db.database import Database, Tx
from postroom.delivery.dispatcher import (
    PROBE_BURST,
    PROBES_A_SECOND,
    ProbeBudget,
    bundles,
)
from postroom.delivery.services import Services
from postroom.delivery.workbench import SLOTS
from postroom.errors import StorageFailed
from postroom.queue import changes, claims
from postroom.queue.claimed import Batch, Claimed
from postroom.queue.rows import CAP, CLAIMED, HELD, QUARANTINED, WAITING, Queued
from postroom.telemetry.events import DeliveryFailed, MessageQuarantined, StorageTrouble
from rig.smtp import Act
from tests.conftest import Opener
from tests.delivery.station import OCTETS, Station, alone, station
from tests.fakes import START, Clock, Recorder

T = TypeVar("T")


async def under_way(here: Station, event: str = "RCPT") -> tuple[asyncio.Event, asyncio.Task[None]]:
    """A message at the server, which waits; the gate, and who delivers it."""
    gate, came = asyncio.Event(), here.sink.reached(event)
    here.sink.fault(event, gate)
    running = asyncio.create_task(here.dispatcher.drain())
    await came.wait()
    return gate, running


def test_a_commit_wakes_it(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with station(database, data) as here:
            running = asyncio.create_task(here.dispatcher.run())
            for number in range(3):
                came = here.sink.reached(f"RCPT u{number}@b.test")
                await here.send(f"u{number}@b.test")
                await came.wait()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await here.dispatcher.stop(5)
            assert len(here.sink.taken) == 3
            assert await here.waiting() == []
            here.start({})

    asyncio.run(run())


def test_one_due_later_goes_then(database: Opener, data: Path) -> None:
    """FUTURERELEASE (RFC 4865): not before, and the patience begins then."""

    async def run() -> None:
        async with station(database, data) as here:
            await here.send("you@b.test", due=here.clock() + 3_600_000)
            await here.send("gone@b.test", due=here.clock() + 3_600_000)
            here.sink.fault("RCPT gone@b.test", "451 4.2.0 Later")
            await here.run()
            assert here.sink.conversations == []
            here.advance(3_599_999)
            await here.run()
            assert here.sink.conversations == []
            here.advance(1)
            await here.run()
            assert [one.recipients for one in here.sink.taken] == [["you@b.test"]]
            await here.until_quiet(hours=119.9)
            assert len(await here.waiting()) == 1
            await here.until_quiet(hours=5)
            assert await here.waiting() == []

    asyncio.run(run())


def test_more_than_there_are_places(data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data, max_connections=2) as here:
            for number in range(60):
                await here.send(f"u{number}@{'bcd'[number % 3]}.test")
            await here.run()
            assert len(here.sink.taken) == 60
            assert here.sink.most_at_once <= 2 + 4  # and those that say goodbye; else 15

    asyncio.run(run())


def test_a_deep_queue_for_one_place_goes_over_several_connections(
    data: Path, tmp_path: Path
) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            gate, crowd = asyncio.Event(), here.sink.reached("CROWD 4")
            here.sink.fault("MAIL", gate)
            for number in range(60):
                await here.send(f"u{number}@b.test")
            running = asyncio.create_task(here.dispatcher.drain())
            await crowd.wait()
            gate.set()
            await running
            assert len(here.sink.taken) == 60
            assert 4 <= here.sink.most_at_once <= CAP

    asyncio.run(run())


@pytest.mark.parametrize("event", ["MAIL", "DATA"])
def test_stop_puts_back_what_it_can_not_finish(database: Opener, data: Path, event: str) -> None:
    async def run() -> None:
        async with station(database, data) as here:
            here.sink.offers = ("PIPELINING",)
            await here.send("you@b.test")
            await here.send("me@b.test")
            gate, running = await under_way(here, event)
            running.cancel()  # as the house does: or it would claim again what is put back
            await asyncio.gather(running, return_exceptions=True)
            await here.dispatcher.stop(0)
            rows = await here.waiting()
            assert [(one.status, one.attempts) for one in rows] == [(WAITING, 0)] * 2
            assert await here.leases() == 0
            gate.set()
            here.sink.heal()
            here.start({})
            await here.run()
            assert sorted([one.recipients[0] for one in here.sink.taken]) == [
                "me@b.test",
                "you@b.test",
            ]

    asyncio.run(run())


def test_stop_lets_finish_what_finishes_in_time(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with station(database, data) as here:
            await here.send("you@b.test")
            gate, running = await under_way(here)
            stopping = asyncio.create_task(here.dispatcher.stop(10))
            gate.set()
            await stopping
            await running
            assert len(here.sink.taken) == 1
            assert await here.waiting() == []
            here.start({})

    asyncio.run(run())


def test_a_message_on_hold_is_put_aside_when_its_attempt_fails(
    database: Opener, data: Path
) -> None:
    async def run() -> None:
        async with station(database, data) as here:
            ident = await here.send("you@b.test")
            gate, running = await under_way(here)
            assert [one.status for one in await here.waiting()] == [CLAIMED]
            await here.db.write(lambda tx: changes.hold(tx, [ident]))
            here.sink.fault("BDAT", "451 4.3.0 Later")
            gate.set()
            await running
            assert [one.status for one in await here.waiting()] == [HELD]
            here.sink.heal()
            await here.until_quiet(hours=130)
            assert here.sink.taken == []
            await here.db.write(lambda tx: changes.release(tx, [ident]))
            here.advance(seconds=300)
            await here.dispatcher.drain()
            assert len(here.sink.taken) == 1

    asyncio.run(run())


@pytest.mark.parametrize("answer", ["250 2.0.0 Yes", "550 5.7.1 No", "451 4.3.0 Later"])
def test_a_message_that_is_removed_meanwhile_stays_removed(
    answer: str, database: Opener, data: Path
) -> None:
    async def run() -> None:
        async with station(database, data) as here:
            ident = await here.send("you@b.test")
            gate, running = await under_way(here)
            await here.db.write(lambda tx: changes.remove(tx, here.blobs, [ident], here.clock()))
            here.sink.fault("BDAT", answer)
            gate.set()
            await running
            await here.run()
            assert await here.waiting() == []
            assert await here.inbox(here.alice) == []  # nobody is told of what was removed
            assert (await here.destination("b.test"))[3] == 0
            assert await here.leases() == 0

    asyncio.run(run())


# After a kill


async def killed(here: Station, *busy: int) -> None:
    """What a killed process leaves: claims, leases, and what it was busy with."""
    now = here.clock()
    leases = [here.ids.next() for _ in range(5)]
    await here.db.write(lambda tx: claims.claim(tx, leases, now, 100))
    await here.dispatcher.stop(0)
    (here.data / "workbench").write_bytes(
        struct.pack(f"<{SLOTS}q", *busy, *[0] * (SLOTS - len(busy)))
    )
    here.start({})


def test_what_a_killed_process_had_goes_on(data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            await here.send("you@b.test")
            await killed(here)
            await here.run()
            assert here.sink.taken == []
            await here.dispatcher.recover()
            await here.run()
            assert len(here.sink.taken) == 1

    asyncio.run(run())


def test_others_on_the_same_database_keep_what_they_have(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with station(database, data) as here:
            await here.send("you@b.test")
            await killed(here)
            await here.dispatcher.recover()
            await here.run()
            is_alone = here.db.engine == "sqlite"
            assert len(here.sink.taken) == is_alone
            here.advance(claims.LEASE_MS + 1)
            await here.dispatcher.recover()
            for _ in range(4):
                await here.dispatcher.sweep()
                await here.run()
                assert len(here.sink.taken) == is_alone
                here.advance(seconds=60)
            await here.dispatcher.sweep()
            await here.run()
            assert len(here.sink.taken) == 1

    asyncio.run(run())


@pytest.mark.parametrize("jump", [claims.LEASE_MS + 1, 50 * 60_000, 30 * 86_400_000])
def test_a_clock_that_jumps_takes_nothing_from_who_lives(
    jump: int, database: Opener, data: Path
) -> None:
    """Another process here has it, and renews it; only its lease looks old."""

    async def run() -> None:
        def together(services: Services) -> Services:
            rules = dataclasses.replace(services.rules, is_alone=False)
            return dataclasses.replace(services, rules=rules)

        async with station(database, data) as here:
            await here.send("you@b.test")
            (batch,) = await here.db.write(
                lambda tx: claims.claim(tx, [here.ids.next()], here.clock(), 100)
            )
            await here.dispatcher.stop(0)
            here.start({}, together)
            here.clock.advance(jump)
            for minute in range(10):
                await here.dispatcher.sweep()
                await here.dispatcher.drain()
                assert here.sink.taken == []
                if minute % 3 == 0:
                    until = here.clock() - jump + claims.LEASE_MS
                    await here.db.write(
                        lambda tx, until=until: claims.renew(tx, [batch.lease], until)  # type: ignore[misc]
                    )
                here.advance(seconds=60)
            assert await here.leases() == 1

    asyncio.run(run())


def test_a_message_that_kills_twice_is_put_aside(
    data: Path, tmp_path: Path, events: Recorder
) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            ident = await here.send("you@b.test")
            await here.send("me@b.test")
            await killed(here, ident)
            await here.dispatcher.recover()
            assert [one.status for one in await here.waiting()] == [WAITING] * 2
            await killed(here, ident)
            await here.dispatcher.recover()
            assert [one.status for one in await here.waiting()] == [QUARANTINED, WAITING]
            [told] = events.of(MessageQuarantined)
            assert told.reason == "the server died twice while it had this"
            await here.run()
            assert [one.recipients for one in here.sink.taken] == [["me@b.test"]]

    asyncio.run(run())


# Trouble with the database


class Faulty:
    """A database that fails where it is told to."""

    def __init__(self, inner: Database) -> None:
        self._inner = inner
        self.failures: dict[str, list[Exception]] = {"read": [], "write": [], "submit": []}

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def _fail(self, kind: str) -> None:
        if self.failures[kind]:
            raise self.failures[kind].pop()

    async def read(self, fn: Callable[[Tx], T]) -> T:
        self._fail("read")
        return await self._inner.read(fn)

    async def write(self, fn: Callable[[Tx], T], *, bulk: bool = False) -> T:
        self._fail("write")
        return await self._inner.write(fn, bulk=bulk)


def faulty(services: Services, into: list[Faulty]) -> Services:
    one = Faulty(services.db)
    into.append(one)
    return dataclasses.replace(services, db=one)  # type: ignore[arg-type]


def test_a_lease_that_can_not_be_ended_at_first_is_ended(
    data: Path, tmp_path: Path, events: Recorder
) -> None:
    async def run() -> None:
        into: list[Faulty] = []
        async with station(alone(tmp_path), data, change=lambda one: faulty(one, into)) as here:
            await here.send("you@b.test")
            here.sink.fault("RCPT", "451 4.2.0 Later", times=1)
            gate, running = await under_way(here, "MAIL")
            into[0].failures["write"] = [StorageFailed(detail="once"), StorageFailed(detail="x")]
            gate.set()
            await running
            assert await here.leases() == 0
            assert {one.where for one in events.of(StorageTrouble)} == {"delivery"}
            await here.until_quiet()
            assert len(here.sink.taken) == 1

    asyncio.run(run())


@pytest.mark.parametrize("error", [StorageFailed(detail="x"), RuntimeError("a mistake")])
def test_nothing_ends_delivery(
    error: Exception, data: Path, tmp_path: Path, events: Recorder
) -> None:
    async def run() -> None:
        into: list[Faulty] = []
        async with station(alone(tmp_path), data, change=lambda one: faulty(one, into)) as here:
            into[0].failures["write"] = [error, error, error]
            came = here.sink.reached("BDAT")
            await here.send("you@b.test")
            running = asyncio.create_task(here.dispatcher.run())
            await came.wait()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            assert len([*events.of(StorageTrouble), *events.of(DeliveryFailed)]) == 3

    asyncio.run(run())


# Bundles


def batch(lease: int, *letters: int) -> Batch:
    works = [
        Claimed(Queued(id=one, blob_id=1, sender=b"", size=1, accepted=START), ())
        for one in letters
    ]
    return Batch(lease, f"d{lease}.test", tuple(works), 5, 0)


@pytest.mark.parametrize(
    ("batches", "expected"),
    [
        ([], []),
        ([batch(1, 10), batch(2, 11)], [[1], [2]]),
        ([batch(1, 10), batch(2, 10)], [[1, 2]]),
        ([batch(1, 10), batch(2, 11), batch(3, 10, 11)], [[1, 2, 3]]),
        ([batch(1, 10, 12), batch(2, 11), batch(3, 12), batch(4, 13, 11)], [[1, 3], [2, 4]]),
    ],
)
def test_batches_with_messages_in_common_go_together(
    batches: list[Batch], expected: list[list[int]]
) -> None:
    found = [sorted([one.lease for one in many]) for many in bundles(batches)]
    assert sorted(found) == expected


@given(st.lists(st.lists(st.integers(0, 12), min_size=1, max_size=4), max_size=8))
def test_bundles_share_no_message(many: list[list[int]]) -> None:
    """Each batch is in one bundle, and no message in two; what shares nothing stays apart."""
    batches = [batch(lease, *letters) for lease, letters in enumerate(many)]
    found = bundles(batches)
    assert sorted([one.lease for bundle in found for one in bundle]) == list(range(len(many)))
    letters = [{work.letter.id for one in bundle for work in one.letters} for bundle in found]
    assert sum(map(len, letters)) == len(set().union(*letters))
    for bundle in found:
        reached = {bundle[0].lease}
        while True:
            ids = {work.letter.id for one in bundle if one.lease in reached for work in one.letters}
            more = {
                one.lease for one in bundle if any(work.letter.id in ids for work in one.letters)
            }
            if more == reached:
                break
            reached = more
        assert len(reached) == len(bundle)


def test_a_fast_failure_does_not_spin(data: Path, tmp_path: Path) -> None:
    """A destination that fails at once is not asked again in the same moment."""

    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            here.sink.fault("GREETING", Act.DROP)
            for number in range(10):
                await here.send(f"u{number}@b.test", octets=OCTETS)
            await here.run()
            assert len(here.sink.conversations) <= 10
            assert sum([one.attempts for one in await here.waiting()]) in {1, 2}

    asyncio.run(run())


def test_destinations_that_failed_are_tried_so_many_a_second() -> None:
    clock = Clock()
    budget = ProbeBudget(clock)
    assert budget.left() == PROBE_BURST
    budget.spend(PROBE_BURST)
    assert budget.left() == 0
    clock.advance(seconds=1)
    assert budget.left() == PROBES_A_SECOND
    clock.advance(seconds=-5)  # a clock that is set back grants nothing, and takes nothing
    assert budget.left() == PROBES_A_SECOND
    clock.advance(days=1)
    assert budget.left() == PROBE_BURST
