"""The desk behind the doors."""

import asyncio
from pathlib import Path

from postroom.intake.intake import Intake
from postroom.intake.peer import Peer
from tests.conftest import Opener
from tests.intake.desk import desk, mail, rcpt, said, send


def test_each_session_has_its_own_conversation(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            intake = Intake(here.services)
            one = intake.open(Peer("s1", "192.0.2.1", 1, "smtp"))
            other = intake.open(Peer("s2", "192.0.2.2", 1, "smtp"))
            await one.mail(mail())
            await one.rcpt(rcpt("alice@local.test"))
            (answer,) = await send(other, "bob@local.test")
            assert said(answer) == "250 2.0.0"
            assert await here.inbox(here.alice) == []

    asyncio.run(run())


def test_many_sessions_at_once(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            sessions = [here.open() for _ in range(40)]
            answers = await asyncio.gather(*(send(one, "bob@local.test") for one in sessions))
            assert {said(answer) for (answer,) in answers} == {"250 2.0.0"}
            assert len({answer.lines for (answer,) in answers}) == 40
            assert len(await here.inbox(here.bob)) == 40

    asyncio.run(run())
