"""Every written POP3 dialogue: the core in whole groups and octet by octet, and a socket."""

import asyncio
from pathlib import Path

import pytest

from postroom.protocol.pop3.session import State
from postroom.protocol.sasl.mechanisms import MECHANISMS
from tests import certificates
from tests.access.shop import put
from tests.conftest import Opener
from tests.listen.loops import both_loops, run
from tests.listen.pop3.test_door import Client, place
from tests.protocol.pop3.driver import LETTERS, Driver
from tests.transcripts.runner import load, play

TRANSCRIPTS = sorted((Path(__file__).parents[2] / "transcripts" / "pop3").glob("*.txt"))
every_transcript = pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)


class Core:
    """The core as the other end of a dialogue."""

    def __init__(self, driver: Driver, *, by_octets: bool) -> None:
        self.driver = driver
        self.by_octets = by_octets
        driver.session.greet("mail.demo.test")
        driver.flush()
        self.taken = 0

    async def send(self, octets: bytes) -> None:
        for piece in [bytes([octet]) for octet in octets] if self.by_octets else [octets]:
            self.driver.feed(piece)

    async def lines(self, count: int) -> list[str]:
        said = self.driver.said[self.taken :]
        self.taken = len(self.driver.said)
        return said.decode().split("\r\n")[:-1]

    async def start_tls(self) -> None:
        """The driver has told the session already."""

    async def rest(self) -> str:
        assert self.driver.session.state is State.CLOSED
        return self.driver.said[self.taken :].decode()


class Socket:
    """A real door as the other end."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def send(self, octets: bytes) -> None:
        self.client.writer.write(octets)

    async def lines(self, count: int) -> list[str]:
        return [(await self.client.line()).decode().removesuffix("\r\n") for _ in range(count)]

    async def start_tls(self) -> None:
        await self.client.writer.start_tls(certificates.client(), server_hostname="127.0.0.1")

    async def rest(self) -> str:
        return (await self.client.reader.read()).decode()


def test_there_are_transcripts() -> None:
    assert len(TRANSCRIPTS) >= 6


@pytest.mark.parametrize("feed", ["whole", "octets"])
@every_transcript
def test_with_the_core(path: Path, feed: str) -> None:
    script = load(path)
    if feed == "octets" and "whole" in script.settings:
        return  # it shows what happens when octets come too early
    is_plain = script.settings["auth"] == "plain"
    driver = Driver(mechanisms=MECHANISMS if is_plain else (), tls=True, then=MECHANISMS)
    asyncio.run(play(script, Core(driver, by_octets=feed == "octets")))


@both_loops
@every_transcript
def test_through_the_door(path: Path, loop: str, database: Opener, data: Path) -> None:
    script = load(path)

    async def main() -> None:
        async with place(database, data, auth=script.settings["auth"]) as there:
            await put(there.store, *LETTERS)
            client = await there.client(greeted=False)
            try:
                await play(script, Socket(client))
            finally:
                await client.close()

    run(loop, main())
