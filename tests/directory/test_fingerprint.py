"""Data folders on one database have the same keys, or are refused."""

import asyncio
import shutil
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


@pytest.mark.parametrize("name", ["pepper", "seal", "srs"])
def test_each_key_counts(database: Opener, tmp_path: Path, name: str) -> None:
    async def go() -> None:
        first, second = tmp_path / "one", tmp_path / "two"
        async with database() as db:
            await verify(db, Secrets(first))
            shutil.copytree(first, second)
            await verify(db, Secrets(second))
            (second / name).write_bytes(bytes(32))
            with pytest.raises(Refused, match=rf"\({name}\): copy that folder"):
                await verify(db, Secrets(second))
            await verify(db, Secrets(first))

    asyncio.run(go())


def test_keys_that_came_later_are_taken_from_the_first_with_the_others(
    database: Opener, tmp_path: Path
) -> None:
    async def go() -> None:
        first, second = tmp_path / "one", tmp_path / "two"
        async with database() as db:
            await verify(db, Secrets(first))
            await db.write(lambda tx: tx.execute("DELETE FROM fingerprint WHERE name <> 'pepper'"))
            with pytest.raises(Refused, match=r"\(pepper\)"):  # and nothing of it is kept
                await verify(db, Secrets(second))
            await verify(db, Secrets(first))
            shutil.copy(first / "pepper", second / "pepper")
            with pytest.raises(Refused, match=r"\(seal, srs\)"):
                await verify(db, Secrets(second))

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
