"""Data folders on one database have the same keys, or are refused."""

import asyncio
from pathlib import Path

import pytest

from postroom.directory.fingerprint import verify
from postroom.directory.secrets import Secrets
from postroom.errors import Refused
from tests.conftest import Opener


def test_the_first_keys_count(database: Opener, tmp_path: Path) -> None:
    async def go() -> None:
        first, second = Secrets(tmp_path / "one"), Secrets(tmp_path / "two")
        async with database() as db:
            await verify(db, first)
            await verify(db, first)
            with pytest.raises(Refused, match="copy that folder"):
                await verify(db, second)

    asyncio.run(go())


def test_two_at_once(database: Opener, tmp_path: Path) -> None:
    async def go() -> None:
        async with database() as db:
            found = await asyncio.gather(
                *(verify(db, Secrets(tmp_path / name)) for name in ("one", "two", "three")),
                return_exceptions=True,
            )
            assert [type(one) for one in found if one is not None] == [Refused, Refused]

    asyncio.run(go())
