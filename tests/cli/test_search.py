import asyncio

import pytest

from postroom.admin.open import open_office
from postroom.config.load import load
from tests.access.shop import put
from tests.cli.conftest import Shell


@pytest.fixture
def filled(shell: Shell) -> Shell:
    """alice has two messages."""
    shell.says("domain", "add", "demo.test")
    shell.says("account", "add", "alice@demo.test", "--password-stdin", typed="long enough 1\n")

    async def fill() -> None:
        async with open_office(load(shell.config)) as office:
            rows = await office.db.read(lambda tx: tx.all("SELECT id FROM account"))
            await put(office.store, *[b"A: b\r\n\r\nbody\r\n"] * 2, account_id=rows[0][0])

    asyncio.run(fill())
    return shell


def test_the_index_is_shown_and_brought_up_to_date(filled: Shell) -> None:
    assert filled.says("search", "status").splitlines()[:3] == [
        "index    on", "indexed  0 of 2 messages", "waiting  2",
    ]  # fmt: skip
    assert filled.says("search", "update") == "2 messages indexed\n"
    assert filled.json("search", "status")["waiting"] == 0
    assert filled.json("search", "update") == {"address": "", "messages": 0}
    assert filled.says("search", "rebuild", "alice@demo.test") == (
        "2 messages of alice@demo.test indexed\n"
    )
    assert filled.json("search", "rebuild") == {"address": "", "messages": 2}


def test_an_account_that_is_not_there(filled: Shell) -> None:
    assert "carol@demo.test" in filled.refuses("search", "update", "carol@demo.test")


def test_an_index_that_is_switched_off(filled: Shell) -> None:
    filled.config.write_text(filled.config.read_text() + "[search]\nindex = false\n")
    assert filled.says("search", "status").startswith("index    off\n")
    assert "below [search]" in filled.refuses("search", "update")
