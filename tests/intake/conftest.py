"""``tell`` runs a story of strangers at a gate, once an engine."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import Opener
from tests.intake.desk import desk
from tests.intake.strangers import NAMED, Story, Tell, Town
from tests.loop import patiently
from tests.policy.zone import Zone


@pytest.fixture
def tell(database: Opener, data: Path) -> Tell:
    @contextlib.asynccontextmanager
    async def town() -> AsyncIterator[Town]:
        async with desk(database, data) as here:
            zone = Zone(NAMED)
            zone.cached.add("*")
            yield Town(here, zone)

    def run(story: Story) -> None:
        async def inside() -> None:
            async with town() as one:
                await story(one)

        patiently(inside())

    return run
