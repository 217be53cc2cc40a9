"""``tell`` runs a story in a fresh office, once an engine."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.admin.bureau import Story, offices
from tests.conftest import Opener
from tests.fakes import Clock
from tests.loop import patiently


@pytest.fixture
def tell(database: Opener, data: Path) -> Callable[[Story], None]:
    def run(story: Story) -> None:
        async def inside() -> None:
            clock = Clock()
            async with offices(database, data, clock)() as office:
                await story(office, clock)

        patiently(inside())

    return run
