"""Every written SMTP dialogue: against the core in whole groups and octet by octet, and
through the door over a socket.
"""

from pathlib import Path

import pytest

from postroom.intake.peer import Peer
from postroom.protocol.smtp.settings import Settings
from tests.listen.loops import run
from tests.listen.smtp.desk import Client, House
from tests.listen.smtp.driver import Driver
from tests.transcripts.runner import Script, load, play

TRANSCRIPTS = sorted((Path(__file__).parents[2] / "transcripts" / "smtp").glob("*.txt"))


class Core:
    """The core as the other end of a dialogue."""

    def __init__(self, driver: Driver, *, by_octets: bool) -> None:
        self.driver = driver
        self.by_octets = by_octets
        self.said = driver.session.data_to_send()

    async def send(self, octets: bytes) -> None:
        pieces = [bytes([octet]) for octet in octets] if self.by_octets else [octets]
        for piece in pieces:
            self.said += self.driver.feed(piece)

    async def lines(self, count: int) -> list[str]:
        said, self.said = self.said, b""
        return said.decode().split("\r\n")[:-1]

    async def start_tls(self) -> None:
        self.driver.start_tls()

    async def rest(self) -> str:
        assert self.driver.session.is_closed
        return self.said.decode()


def settings_of(script: Script) -> Settings:
    given = script.settings
    return Settings(
        hostname="mx.test",
        dialect="LMTP" if "lmtp" in given else "SMTP",
        max_message=int(given.get("size", "1000")),
        max_recipients=int(given.get("recipients", "5")),
        auth=given.get("auth", "never"),  # type: ignore[arg-type]
        requires_login="submission" in given,
        offers_tls="starttls" in given,
        has_urls="urls" in given,
        asks_unknown="milter" in given,
        soft_errors=int(given.get("soft", "10")),
        hard_errors=int(given.get("hard", "20")),
        login_failures=3,
    )


def protocol_of(script: Script) -> str:
    return "lmtp" if "lmtp" in script.settings else "smtp"


def test_there_are_transcripts() -> None:
    assert len(TRANSCRIPTS) > 20


@pytest.mark.parametrize("feed", ["whole", "octets"])
@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_with_the_core(path: Path, feed: str) -> None:
    script = load(path)
    if feed == "octets" and "whole" in script.settings:
        return  # it shows what happens when octets come too early
    peer = Peer(
        "1",
        "192.0.2.1",
        40000,
        protocol_of(script),
        trusted="trusted" in script.settings,
    )
    driver = Driver(settings_of(script), peer)
    run("asyncio", play(script, Core(driver, by_octets=feed == "octets")))


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_through_the_door(path: Path, loop: str) -> None:
    import ipaddress

    script = load(path)

    async def main() -> None:
        house = House(
            settings_of(script),
            protocol=protocol_of(script),
            trusted=(ipaddress.ip_network("127.0.0.0/8"),) if "trusted" in script.settings else (),
        )
        async with house.open(), house.client() as client:
            player: Client = client
            await play(script, player)

    run(loop, main())
