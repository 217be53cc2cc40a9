"""The door and its gate: who is turned away, who waits, who is told to have erred."""

import asyncio

import msgspec

from postroom.intake.peer import Peer
from postroom.policy.tarpit import Tarpit
from postroom.protocol.smtp.settings import Settings
from postroom.telemetry.session_events import ConnectionRefused
from tests.fakes import Recorder
from tests.listen.loops import both_loops, run
from tests.listen.smtp.desk import Client, House

PORT_25 = Settings(hostname="mx.test", offers_tls=True)


class Porter:
    """Lets everybody in, or nobody."""

    def __init__(self, reason: str = "") -> None:
        self.reason = reason
        self.knocked: list[tuple[str, bool]] = []
        self.culprits: list[str] = []

    def knock(self, address: str, *, is_counted: bool = True) -> str:
        self.knocked.append((address, is_counted))
        return self.reason

    def erred(self, peer: Peer) -> None:
        self.culprits.append(peer.address)


class Pit(Tarpit):
    """Tells when somebody is in it."""

    def __init__(self, seconds: float, places: int) -> None:
        super().__init__(seconds, places)
        self.entered = asyncio.Event()

    def enter(self, score: int) -> float | None:
        self.entered.set()
        return super().enter(score)


async def greeted(client: Client) -> None:
    assert (await client.line()).startswith("220 ")
    assert (await client.say("EHLO c.test"))[-1] == "250 HELP"


@both_loops
def test_who_speaks_before_the_greeting_is_turned_away(loop: str) -> None:
    """Threat S5."""

    async def main() -> None:
        house = House(PORT_25, greeting_pause=0.01)
        house.desk.suspicion, house.desk.judged = 1, asyncio.Event()
        async with house.open(), house.client() as client:
            await client.send(b"EHLO c.test\r\n")
            house.desk.judged.set()  # the pause begins: what was said is there already
            assert await client.rest() == "554 5.5.0 Wait for the greeting before you speak\r\n"
        house.desk.is_patient, house.desk.judged = True, asyncio.Event()
        async with house.open(), house.client() as client:
            await client.send(b"EHLO c.test\r\n")
            house.desk.judged.set()
            assert await client.line() == "220 mx.test ESMTP Postroom"
            while not (await client.line()).startswith("250 "):
                pass
            assert house.desk.early == 2
            assert await client.say("STARTTLS") == ["220 2.0.0 Ready to start TLS"]
            await client.start_tls()
            await client.say("EHLO c.test")
            assert house.desk.early == 3  # it is not forgotten inside TLS
        async with house.open(), house.client() as client:
            assert await client.line() == "220 mx.test ESMTP Postroom"
        assert house.desk.early == 3

    run(loop, main())


@both_loops
def test_a_banned_network_does_not_get_to_port_25(loop: str, events: Recorder) -> None:
    async def main() -> None:
        gate = Porter("the network is banned: abuse")
        async with House(PORT_25, gate=gate).open() as house, house.client() as client:
            said = await client.rest()
            assert said == "421 4.7.0 Please try again later: the network is banned: abuse\r\n"
        async with (
            House(PORT_25, gate=gate, checks=False).open() as house,
            house.client() as client,
        ):
            said = await client.rest()
            assert said == "421 4.7.0 Please try again later: the network is banned: abuse\r\n"
        assert gate.knocked == [("127.0.0.1", True), ("127.0.0.1", False)]

    run(loop, main())
    reasons = [one.reason for one in events.of(ConnectionRefused)]
    assert reasons == ["the network is banned: abuse"] * 2


@both_loops
def test_errors_cost_time(loop: str) -> None:
    slow = Settings(hostname="mx.test", soft_errors=0, hard_errors=5)

    async def main() -> None:
        house = House(slow)
        house.settings = msgspec.structs.replace(house.settings, tarpit=Tarpit(0.1, 1))
        async with house.open(), house.client() as client:
            await greeted(client)
            began = asyncio.get_running_loop().time()
            assert (await client.say("FOO"))[0].startswith("500")
            assert asyncio.get_running_loop().time() - began > 0.09

    run(loop, main())


@both_loops
def test_when_the_tarpit_is_full_who_errs_is_cut_off(loop: str) -> None:
    slow = Settings(hostname="mx.test", soft_errors=0, hard_errors=5)

    async def main() -> None:
        gate = Porter()
        pit = Pit(3600, 1)
        house = House(slow, gate=gate)
        house.settings = msgspec.structs.replace(house.settings, tarpit=pit)
        async with house.open(), house.client() as first, house.client() as second:
            await greeted(first)
            await greeted(second)
            await first.send(b"FOO\r\n")
            await pit.entered.wait()
            assert pit.taken == 1
            await second.send(b"FOO\r\n")
            assert (await second.rest()).endswith("\r\n421 4.7.0 Too many errors\r\n")
            assert gate.culprits == ["127.0.0.1"]
        assert pit.taken == 0

    run(loop, main())


@both_loops
def test_a_session_that_errs_to_its_end_is_counted(loop: str) -> None:
    async def main() -> None:
        gate = Porter()
        strict = Settings(hostname="mx.test", hard_errors=2)
        async with House(strict, gate=gate).open() as house:
            async with house.client() as client:
                await greeted(client)
                await client.send(b"FOO\r\nQUIT\r\n")
                await client.rest()
            assert gate.culprits == []
            async with house.client() as client:
                await greeted(client)
                await client.send(b"FOO\r\nFOO\r\n")
                assert (await client.rest()).endswith("421 4.7.0 Too many errors\r\n")
            assert gate.culprits == ["127.0.0.1"]

    run(loop, main())
