"""Who goes together, who goes apart, and what a fault leaves behind."""

import asyncio
import dataclasses
from collections.abc import Sequence
from pathlib import Path

import pytest

from postroom.blobs.store import BlobCorrupt
from postroom.delivery.connector import Candidate, Connector, Terms
from postroom.delivery.content import Contents, Loaded
from postroom.delivery.router import Way
from postroom.delivery.services import Services
from postroom.errors import StorageFailed
from postroom.queue import changes
from postroom.queue.claimed import Claimed
from postroom.telemetry.events import DeliveryFailed, DestinationPaused
from rig.dns import Fault
from rig.smtp import Act
from tests.conftest import Opener
from tests.delivery.sinks import served
from tests.delivery.station import alone, station
from tests.fakes import Recorder


def test_two_recipients_at_one_host_are_one_transaction(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with station(database, data) as here:
            await here.send("you@b.test", "me@b.test")
            await here.run()
            assert [one.recipients for one in here.sink.taken] == [["you@b.test", "me@b.test"]]
            assert await here.waiting() == []
            assert await here.destination("b.test") == (6, 0, 0, 0)

    asyncio.run(run())


def test_so_are_two_domains_with_the_same_host(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with station(database, data) as here:
            await here.send("you@b.test", "me@b2.test")
            await here.send("only@b2.test")
            await here.run()
            assert sorted([sorted(one.recipients) for one in here.sink.taken]) == [
                ["me@b2.test", "you@b.test"],
                ["only@b2.test"],
            ]
            assert len(here.sink.conversations) == 1
            assert await here.waiting() == []
            assert await here.leases() == 0
            for name in ("b.test", "b2.test"):
                assert await here.destination(name) == (6, 0, 0, 0)

    asyncio.run(run())


def test_a_domain_that_wants_more_security_stays_apart(data: Path, tmp_path: Path) -> None:
    """Its message must not travel on the terms of another domain at the same host."""

    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            await here.rule("b2.test", "encrypt")
            await here.send("you@b.test", "me@b2.test")
            await here.run()
            assert [one.recipients for one in here.sink.taken] == [["you@b.test"]]
            assert [one.recipient for one in await here.waiting()] == ["me@b2.test"]
            here.sink.tls = served()
            await here.until_quiet()
            assert [(one.recipients, one.tls) for one in here.sink.taken] == [
                (["you@b.test"], ""),
                (["me@b2.test"], "TLSv1.3"),
            ]

    asyncio.run(run())


def test_different_hosts_are_asked_at_the_same_time(data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            gate = asyncio.Event()
            recipients = ("you@b.test", "me@c.test", "she@d.test")
            came = [here.sink.reached(f"RCPT {one}") for one in recipients]
            here.sink.fault("RCPT", gate)
            await here.send(*recipients)
            running = asyncio.create_task(here.run())
            for one in came:
                await one.wait()
            assert here.sink.taken == []
            gate.set()
            await running
            assert len(here.sink.taken) == 3
            assert here.sink.most_at_once == 3
            assert await here.waiting() == []

    asyncio.run(run())


def test_a_slow_way_holds_up_no_other(data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            gate = asyncio.Event()
            here.sink.fault("RCPT you@b.test", gate)
            done = here.sink.reached("BDAT")
            await here.send("you@b.test")
            await here.send("me@c.test")
            running = asyncio.create_task(here.run())
            await done.wait()
            assert [one.recipients for one in here.sink.taken] == [["me@c.test"]]
            gate.set()
            await running
            assert len(here.sink.taken) == 2

    asyncio.run(run())


def test_a_dead_host_delays_its_own_only(database: Opener, data: Path, events: Recorder) -> None:
    async def run() -> None:
        async with station(database, data) as here:
            for number in range(50):
                await here.send(f"u{number}@dead.test")
            await here.send("you@b.test")
            await here.run()
            assert len(here.sink.taken) == 1
            tried = {(one.attempts, one.reply) for one in await here.waiting()}
            refused = "451 4.4.1 mx.dead.test: 127.0.0.9: Connection refused"
            assert {(0, ""), (1, refused)} <= tried  # most were not touched
            assert tried <= {(0, ""), (1, refused), (1, f"{refused} a moment ago")}
            first = sum([one.attempts for one in await here.waiting()])
            assert 1 <= first <= 5  # connections that were opened before the first answer
            assert (await here.destination("dead.test"))[:3] == (1, 1, 60)
            assert {one.seconds for one in events.of(DestinationPaused)} == {60}
            for number in range(50):
                await here.send(f"new{number}@dead.test")
            await here.run()
            assert sum([one.attempts for one in await here.waiting()]) == first
            pauses = []
            for _ in range(7):  # one of them is tried a time
                here.advance(seconds=(await here.destination("dead.test"))[2] + 1)
                await here.run()
                pauses.append((await here.destination("dead.test"))[2] // 60)
            assert pauses == [2, 4, 8, 16, 30, 30, 30]
            assert sum([one.attempts for one in await here.waiting()]) == first + 7
            assert len(await here.waiting()) == 100
            assert await here.leases() == 0

    asyncio.run(run())


@pytest.mark.parametrize("is_relayed", [False, True])
def test_who_wants_it_tried_at_once_gets_it_tried(
    database: Opener, data: Path, is_relayed: bool
) -> None:
    """A host that was down a moment ago and is up again: nobody waits for its pause."""

    async def run() -> None:
        async with station(database, data) as here:
            if is_relayed:
                await here.relay()
            await here.sink.__aexit__(None, None, None)
            ident = await here.send("you@b.test")
            await here.run()
            [waiting] = await here.waiting()
            assert waiting.reply.endswith("Connection refused")
            await here.sink.__aenter__()
            await here.db.write(lambda tx: changes.retry(tx, [ident], here.clock()))
            await here.run()
            assert [one.recipients for one in here.sink.taken] == [["you@b.test"]]
            assert await here.waiting() == []

    asyncio.run(run())


def test_a_host_that_comes_back_gets_everything(data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            here.sink.fault("GREETING", Act.DROP)
            for number in range(20):
                await here.send(f"u{number}@b.test")
            await here.until_quiet(hours=0.3)
            here.sink.heal()
            await here.until_quiet(hours=6)
            assert sorted([one.recipients[0] for one in here.sink.taken]) == sorted(
                [f"u{number}@b.test" for number in range(20)]
            )

    asyncio.run(run())


def test_a_name_that_can_not_be_looked_up_waits(data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            here.dns.faults["b.test", ""] = Fault.SERVFAIL
            await here.send("you@b.test")
            await here.run()
            [one] = await here.waiting()
            assert one.attempts == 1
            assert one.reply.startswith("451 4.4.3 MX of b.test: ")
            assert (await here.destination("b.test"))[:2] == (1, 1)

    asyncio.run(run())


class FaultyLoads(Contents):
    """Nothing can be loaded while ``error`` is set."""

    error: Exception | None = None

    async def load(self, works: Sequence[Claimed]) -> dict[int, Loaded | BlobCorrupt]:
        if self.error is not None:
            raise self.error
        return await super().load(works)


class FaultyCandidates(Connector):
    """A mistake of ours in the middle of a way."""

    error: Exception | None = None

    async def candidates(self, way: Way) -> list[Candidate]:
        if self.error is not None and way.domain == "c.test":
            raise self.error
        return await super().candidates(way)


@pytest.mark.parametrize("error", [StorageFailed(detail="disk"), RuntimeError("a mistake")])
def test_a_batch_that_can_not_be_loaded_waits_and_nothing_is_lost(
    error: Exception, data: Path, tmp_path: Path, events: Recorder
) -> None:
    async def run() -> None:
        faulty: list[FaultyLoads] = []

        def change(services: Services) -> Services:
            contents = services.contents
            contents.__class__ = FaultyLoads
            assert isinstance(contents, FaultyLoads)
            faulty.append(contents)
            return services

        async with station(alone(tmp_path), data, change=change) as here:
            faulty[0].error = error
            await here.send("you@b.test")
            await here.dispatcher.drain()
            [one] = await here.waiting()
            assert (one.status, one.attempts) == (0, 0)
            assert await here.leases() == 0
            assert (await here.destination("b.test"))[:3] == (1, 1, 60)
            assert [str(error) in one.traceback for one in events.of(DeliveryFailed)] == [True]
            faulty[0].error = None
            await here.until_quiet()
            assert len(here.sink.taken) == 1

    asyncio.run(run())


def test_a_mistake_in_one_bundle_is_not_the_end_of_the_others(
    data: Path, tmp_path: Path, events: Recorder
) -> None:
    async def run() -> None:
        def change(services: Services) -> Services:
            connector = services.connector
            connector.__class__ = FaultyCandidates
            assert isinstance(connector, FaultyCandidates)
            connector.error = RuntimeError("a mistake")
            return services

        async with station(alone(tmp_path), data, change=change) as here:
            await here.send("you@b.test")
            await here.send("you@c.test")
            await here.run()
            assert [one.recipients for one in here.sink.taken] == [["you@b.test"]]
            assert [one.recipient for one in await here.waiting()] == ["you@c.test"]
            assert await here.leases() == 0
            assert "a mistake" in events.of(DeliveryFailed)[0].traceback

    asyncio.run(run())


def test_terms_that_can_not_be_told_keep_domains_apart(data: Path, tmp_path: Path) -> None:
    class Untold(Connector):
        async def terms(self, candidates: Sequence[Candidate]) -> Terms | None:
            del candidates
            return None

    async def run() -> None:
        def change(services: Services) -> Services:
            services.connector.__class__ = Untold
            return dataclasses.replace(services)

        async with station(alone(tmp_path), data, change=change) as here:
            await here.send("you@b.test", "me@b2.test")
            await here.run()
            assert sorted([one.recipients for one in here.sink.taken]) == [
                ["me@b2.test"],
                ["you@b.test"],
            ]
            assert await here.waiting() == []

    asyncio.run(run())
