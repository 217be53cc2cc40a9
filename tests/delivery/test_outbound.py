"""The whole of delivery, from the queue to another server: what becomes of messages."""

import asyncio
from pathlib import Path

from tests.conftest import Opener
from tests.delivery.station import ALICE, OCTETS, station


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
