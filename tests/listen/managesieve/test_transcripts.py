"""Every written ManageSieve dialogue, over a socket."""

from pathlib import Path

import pytest

from tests import certificates
from tests.conftest import Opener
from tests.listen.loops import both_loops, run
from tests.listen.managesieve.test_door import Client, place
from tests.transcripts.runner import load, play

TRANSCRIPTS = sorted((Path(__file__).parents[2] / "transcripts" / "managesieve").glob("*.txt"))


class Socket:
    """The door as the other end of a dialogue."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def send(self, octets: bytes) -> None:
        self.client.writer.write(octets)

    async def lines(self, count: int) -> list[str]:
        said = [await self.client.reader.readline() for _ in range(count)]
        return [line.decode().removesuffix("\r\n") for line in said]

    async def start_tls(self) -> None:
        await self.client.writer.start_tls(certificates.client(), server_hostname="127.0.0.1")

    async def rest(self) -> str:
        return (await self.client.reader.read()).decode()


def test_there_are_transcripts() -> None:
    assert len(TRANSCRIPTS) >= 6


@both_loops
@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_through_the_door(path: Path, loop: str, database: Opener, data: Path) -> None:
    script = load(path)

    async def main() -> None:
        async with place(database, data, auth=script.settings["auth"]) as there:
            client = await there.client(greeted=False)
            try:
                await play(script, Socket(client))
            finally:
                await client.close()

    run(loop, main())
