"""Quotas as administrators change them."""

import asyncio
from pathlib import Path

import pytest

from postroom.access import quotas
from postroom.errors import Invalid, NotFound
from postroom.quota import MAX_MESSAGES, MAX_OCTETS, NO_QUOTA, Quota
from tests.access.neighbours import BOB, neighbours
from tests.conftest import Opener


def test_a_limit_is_set_and_taken_away(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with neighbours(database, data) as people:
            directory = people.directory
            for quota in (Quota(5000, 7), Quota(messages=3), NO_QUOTA):
                account = await directory.change_if(
                    lambda tx, quota=quota: quotas.change(tx, "Bob@Demo.test", quota)  # type: ignore[misc]
                )
                assert account == BOB
                assert await directory.quota_of(BOB) == quota

    asyncio.run(run())


def test_roots_of_nobody(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with neighbours(database, data) as people:
            look, change = people.directory.look, people.directory.change_if
            for root in ("", "bob", "nobody@demo.test", "team@demo.test", "a\0@demo.test"):
                assert await look(lambda tx, root=root: quotas.holder(tx, root)) is None  # type: ignore[misc]
                with pytest.raises(NotFound):
                    await change(lambda tx, root=root: quotas.change(tx, root, Quota(1)))  # type: ignore[misc]
            for large in (Quota(MAX_OCTETS), Quota(messages=MAX_MESSAGES)):
                with pytest.raises(Invalid):
                    await change(lambda tx, large=large: quotas.change(tx, "bob@demo.test", large))  # type: ignore[misc]

    asyncio.run(run())
