"""The search index for its postmaster."""

import asyncio
from pathlib import Path

import pytest

from postroom.admin import accounts, domains
from postroom.admin.mailboxes import search
from postroom.admin.mailboxes.search import Updated
from postroom.admin.open import open_office
from postroom.config.model import Config, Search
from postroom.errors import NotFound, Refused
from tests.access.shop import audit, put
from tests.directory.keys import quick

LETTER = b"Subject: hello\r\n\r\nbody\r\n"
ALICE = "alice@demo.test"


def config(data: Path, *, index: bool = True) -> Config:
    return Config(hostname="mail.demo.test", data=str(data), search=Search(index=index))


def test_the_index_is_brought_up_to_date_and_made_anew(data: Path) -> None:
    async def run() -> None:
        async with open_office(config(data)) as office:
            await domains.add(office, "demo.test", generate=quick)
            await accounts.add(office, ALICE, password=None)
            await accounts.add(office, "bob@demo.test", password=None)
            rows = await office.db.read(lambda tx: tx.all("SELECT id FROM account ORDER BY id"))
            (alice,), (bob,) = rows
            assert await search.update(office) == Updated("", 0)
            await put(office.store, *[LETTER] * 3, account_id=alice)
            await put(office.store, *[LETTER] * 2, account_id=bob)
            found = await search.status(office)
            assert (found.enabled, found.messages, found.indexed, found.waiting) == (True, 5, 0, 5)
            assert await search.update(office, ALICE) == Updated(ALICE, 3)
            found = await search.status(office)
            assert (found.indexed, found.waiting, found.pages) == (3, 2, 1)
            assert found.octets > 0
            assert await search.update(office) == Updated("", 2)
            assert await search.update(office) == Updated("", 0)
            assert await search.rebuild(office, ALICE) == Updated(ALICE, 3)
            assert await search.rebuild(office) == Updated("", 5)
            await audit(office.store)
            with pytest.raises(NotFound):
                await search.rebuild(office, "carol@demo.test")

    asyncio.run(run())


def test_what_is_switched_off_is_not_made(data: Path) -> None:
    async def run() -> None:
        async with open_office(config(data, index=False)) as office:
            await put(office.store, LETTER)
            assert not (await search.status(office)).enabled
            for work in (search.update, search.rebuild):
                with pytest.raises(Refused, match="index = true"):
                    await work(office)

    asyncio.run(run())
