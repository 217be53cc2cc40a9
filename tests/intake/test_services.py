"""What conversations work with."""

import asyncio
import dataclasses
from pathlib import Path

import pytest

from postroom.policy.reputation import Reputation
from postroom.policy.tokens import number
from tests.conftest import Opener
from tests.intake.desk import desk


def test_services_do_not_change(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            with pytest.raises(dataclasses.FrozenInstanceError):
                here.services.hostname = "other"  # type: ignore[misc]

    asyncio.run(run())


def test_what_was_sent_is_counted_and_its_recipients_become_known(
    database: Opener, data: Path
) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            held = Reputation(here.services.store.db, here.services.clock)
            services = dataclasses.replace(here.services, reputation=held)
            services.sent(1, ["ann@client.example"])
            here.services.sent(1, ["bob@client.example"])
            await held.close()
            rows = await here.services.store.read(
                lambda tx: tx.all("SELECT account_id, person FROM correspondent")
            )
            assert rows == [(1, number("sender-address:ann@client.example"))]

    asyncio.run(run())
