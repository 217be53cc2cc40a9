"""What conversations work with."""

import asyncio
import dataclasses
from pathlib import Path

import pytest

from tests.conftest import Opener
from tests.intake.desk import desk


def test_services_do_not_change(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            with pytest.raises(dataclasses.FrozenInstanceError):
                here.services.hostname = "other"  # type: ignore[misc]

    asyncio.run(run())
