"""Quotas as administrators change them."""

import asyncio
from pathlib import Path

import pytest

from postroom.access import quotas
from postroom.errors import Invalid, NotFound
from tests.access.neighbours import BOB, neighbours
from tests.conftest import Opener


def test_a_limit_is_set_and_taken_away(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with neighbours(database, data) as people:
            directory = people.directory
            for octets in (5000, quotas.NO_LIMIT):
                account = await directory.change_if(
                    lambda tx, octets=octets: quotas.change(tx, "Bob@Demo.test", octets)  # type: ignore[misc]
                )
                assert account == BOB
                assert await directory.quota_of(BOB) == octets

    asyncio.run(run())


def test_roots_of_nobody(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with neighbours(database, data) as people:
            look, change = people.directory.look, people.directory.change_if
            for root in ("", "bob", "nobody@demo.test", "team@demo.test", "a\0@demo.test"):
                assert await look(lambda tx, root=root: quotas.holder(tx, root)) is None  # type: ignore[misc]
                with pytest.raises(NotFound):
                    await change(lambda tx, root=root: quotas.change(tx, root, 1))  # type: ignore[misc]
            with pytest.raises(Invalid):
                await change(lambda tx: quotas.change(tx, "bob@demo.test", quotas.MAX_OCTETS))

    asyncio.run(run())
