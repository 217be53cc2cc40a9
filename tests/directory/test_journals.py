"""Which domains have a journal, and where it goes."""

import asyncio
from pathlib import Path

import pytest

from postroom.address import Domain
from postroom.directory import accounts, domains
from postroom.errors import Invalid
from tests.conftest import Opener
from tests.directory.town import Town, at


def test_a_journal_is_kept_changed_and_ended(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with database() as db:
            town = Town(db, data)
            await town.domain("local.test")
            await town.domain("alias.test", alias_of="local.test")
            await town.domain("plain.test")
            assert not await town.directory.has_journals()
            await town.journal("local.test", "a@vault.test")
            assert await town.directory.has_journals()
            for name in ("local.test", "alias.test"):
                assert await town.directory.journal_of(name) == at("a@vault.test")
            for name in ("plain.test", "vault.test", ""):
                assert await town.directory.journal_of(name) is None
            await town.journal("local.test", "b@vault.test")
            assert await town.directory.journal_of("local.test") == at("b@vault.test")
            with pytest.raises(Invalid, match="alias of local.test"):
                await town.journal("alias.test", "c@vault.test")
            await town.journal("local.test", None)
            assert not await town.directory.has_journals()
            assert await town.directory.journal_of("local.test") is None
            town.directory.close()

    asyncio.run(run())


def test_a_journal_follows_names_and_ends_with_its_domain(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with database() as db:
            town = Town(db, data)
            await town.domain("local.test")
            await town.domain("vault.test")
            archive = await town.account("archive@vault.test")
            await town.journal("local.test", "archive+local@vault.test")
            await town.directory.change(
                lambda tx: accounts.rename(tx, archive, at("keeper@vault.test"), keep_id=None)
            )
            assert await town.directory.journal_of("local.test") == at("keeper+local@vault.test")
            await town.directory.change(
                lambda tx: domains.rename(
                    tx, domains.require(tx, Domain.parse("vault.test")), Domain.parse("safe.test")
                )
            )
            assert await town.directory.journal_of("local.test") == at("keeper+local@safe.test")
            await town.directory.change(
                lambda tx: domains.remove(tx, domains.require(tx, Domain.parse("local.test")), 1)
            )
            assert not await town.directory.has_journals()
            town.directory.close()

    asyncio.run(run())
