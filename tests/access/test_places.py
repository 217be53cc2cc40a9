"""Mailboxes by the names under which a person reaches them."""

import asyncio
from pathlib import Path

import pytest

from postroom.access import rights
from postroom.access.places import Places
from postroom.errors import NotFound
from tests.access.shop import Person, shop
from tests.conftest import Opener


def test_own_mailboxes_come_with_all_rights(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            places = Places(Person(), store)
            inbox = await places.get("inbox")
            assert (inbox.name, inbox.mailbox.account_id, inbox.member) == ("INBOX", 1, None)
            assert inbox.rights == rights.ALL
            assert (await places.get("Drafts")).mailbox.special_use == "\\Drafts"

    asyncio.run(run())


def test_a_name_without_mailbox_is_not_found(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await Places(Person(2), store).get("INBOX")
            for name in ("Nowhere", "", "INBOX/below", "\x1fburied"):
                with pytest.raises(NotFound):
                    await Places(Person(), store).get(name)

    asyncio.run(run())
