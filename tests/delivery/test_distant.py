"""What a delivery process has written by its server."""

import asyncio

import pytest

from postroom.delivery.distant import Distant, NotWritten
from postroom.delivery.finisher import Finished
from postroom.delivery.handover import Concluded, Noted, Said
from postroom.queue.settling import Settled

ENDS = [Finished(Settled(number, ())) for number in range(3)]


def test_each_waits_for_its_own_answer() -> None:
    async def run() -> None:
        said: list[Said] = []
        distant = Distant(said.append)
        first = asyncio.create_task(distant.finish(ENDS[:2]))
        second = asyncio.create_task(distant.finish(ENDS[2:]))
        await asyncio.sleep(0)
        assert said == [Concluded(1, tuple(ENDS[:2])), Concluded(2, tuple(ENDS[2:]))]
        distant.noted(Noted(2))
        await second
        assert not first.done()
        distant.noted(Noted(1, "ValueError('odd')"))
        with pytest.raises(NotWritten, match="odd"):
            await first
        distant.noted(Noted(1))  # nobody waits for it

    asyncio.run(run())


def test_an_answer_for_who_has_gone_is_nothing() -> None:
    async def run() -> None:
        said: list[Said] = []
        distant = Distant(said.append)
        waiting = asyncio.create_task(distant.finish(ENDS))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        distant.noted(Noted(1))

    asyncio.run(run())
