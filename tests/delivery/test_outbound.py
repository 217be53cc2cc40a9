"""The whole of delivery, as the composition root makes it; and under a storm of faults."""

import asyncio
import random
from collections import Counter
from pathlib import Path

import pytest

from postroom.delivery.outbound import outbound, schedule_of
from postroom.delivery.outlet import Outlet
from postroom.delivery.schedule import Schedule
from postroom.errors import ConfigurationError
from rig.smtp import OFFERS, Act, Answer
from tests.conftest import Opener
from tests.delivery.sinks import authorities
from tests.delivery.station import ALICE, OCTETS, alone, station


def test_delivered_and_gone(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with station(database, data) as here:
            ident = await here.send("you@b.test")
            await here.dispatcher.drain()
            [one] = here.sink.taken
            assert (one.sender, one.recipients, one.octets) == (ALICE, ["you@b.test"], OCTETS)
            assert await here.waiting() == []
            assert await here.unused_blobs() == 1
            assert await here.leases() == 0
            kinds = [(kind, who) for kind, who, _ in await here.facts(ident)]
            assert kinds == [("queued", "you@b.test"), ("delivered", "you@b.test")]
            assert await here.inbox(here.alice) == []

    asyncio.run(run())


@pytest.mark.parametrize("has_authorities", [False, True])
def test_as_it_is_composed(
    has_authorities: bool,
    database: Opener,
    data: Path,
    tmp_path: Path,
) -> None:
    async def run() -> None:
        async with station(database, data) as here:
            settings = {"ca_file": authorities(tmp_path)} if has_authorities else {}
            await here.dispatcher.stop(5)
            made: Outlet = outbound(here.config(settings), here.shared)
            running = asyncio.create_task(made.run())
            await here.send("you@b.test", "bob@home.test")
            for _ in range(20_000):
                if not await here.waiting():
                    break
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await made.stop(5)
            assert len(here.sink.taken) == 1
            assert len(await here.inbox(here.bob)) == 1
            assert await here.waiting() == []
            here.start({})

    asyncio.run(run())


@pytest.mark.parametrize("text", [None, "no certificate"])
def test_authorities_that_can_not_be_read(text: str | None, data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            path = tmp_path / "authorities.pem"
            if text is not None:
                path.write_text(text)
            with pytest.raises(ConfigurationError, match=r"delivery\.ca_file: .* can't be read"):
                outbound(here.config({"ca_file": str(path)}), here.shared)

    asyncio.run(run())


def test_the_times_are_those_of_the_configuration(data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            assert schedule_of(here.config({})) == Schedule()
            times = {
                "first_retry_minutes": 1,
                "longest_retry_minutes": 2,
                "delay_notice_hours": 3,
                "give_up_hours": 4,
            }
            assert schedule_of(here.config(times)) == Schedule(
                60_000, 120_000, 3 * 3_600_000, 4 * 3_600_000
            )

    asyncio.run(run())


EVENTS = ("GREETING", "EHLO", "MAIL", "RCPT", "DATA", "CONTENT", "END", "BDAT")
ANSWERS: tuple[Answer, ...] = ("421 4.3.2 Not now", "451 4.3.0 Later", Act.DROP)
DOMAINS = ("b.test", "b2.test", "c.test", "d.test")
AFTER_THE_END = {"END", "BDAT"}


@pytest.mark.parametrize("seed", range(12))
def test_in_a_storm_nothing_is_lost(seed: int, data: Path, tmp_path: Path) -> None:
    """Each message comes, and comes once, but where the server was cut behind its last octet."""

    async def run() -> None:
        chance = random.Random(seed)
        async with station(alone(tmp_path), data) as here:
            here.sink.offers = chance.choice([OFFERS, ("PIPELINING",), ()])
            events = chance.sample(EVENTS, 4)
            for event in events:
                answer = chance.choice(ANSWERS)
                here.sink.fault(event, answer, chance.randint(1, 3), after=chance.randint(0, 5))
            expected = []
            for number in range(12):
                size = chance.choice([0, 0, 0, 20_000])
                octets = OCTETS + b"large\r\n" * size + b"number %d\r\n" % number
                recipients = [f"{number}@{domain}" for domain in chance.sample(DOMAINS, 2)]
                expected += recipients
                await here.send(*recipients, octets=octets)
            await here.until_quiet(hours=48)
            assert await here.waiting() == []
            assert await here.leases() == 0
            taken = Counter([who for one in here.sink.taken for who in one.recipients])
            assert taken == Counter(expected)
            for one in here.sink.taken:
                numbers = {who.partition("@")[0] for who in one.recipients}
                assert numbers == {one.octets.split()[-1].decode()}
            if AFTER_THE_END.isdisjoint(events):
                assert len(here.sink.received) == len(here.sink.taken)

    asyncio.run(run())
