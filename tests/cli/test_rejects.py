"""``postroom rejects``."""

import asyncio
import re

import pytest

from postroom.address import Address
from postroom.admin.open import open_office
from postroom.config.load import load
from postroom.directory import accounts
from tests.cli.conftest import Shell
from tests.store.refused import keep

BOB = "bob@demo.test"


@pytest.fixture
def ids(shell: Shell) -> list[str]:
    """Two messages that bob has refused, the latest first."""
    shell.says("domain", "add", "demo.test")
    shell.says("account", "add", BOB, "--password-stdin", typed="long enough\n")

    async def fill() -> None:
        async with open_office(load(shell.config)) as office:
            bob = await office.directory.look(
                lambda tx: accounts.require(tx, Address.parse(BOB)).id
            )
            for _ in range(2):
                await keep(office.store, bob, head=b"X-Long: a\r\n\tb\r\nSubject: Hello\r\n\r\n")

    asyncio.run(fill())
    return [one["id"] for one in shell.json("rejects", "list", BOB)]


def test_they_are_listed_and_shown(shell: Shell, ids: list[str]) -> None:
    heading, first, _ = shell.says("rejects", "list", BOB).splitlines()
    assert heading.split() == ["ID", "REFUSED", "FROM", "SUBJECT", "SIZE", "REASON"]
    assert re.search(r"A <a@x\.test> +Hello +100B +on the block list$", first)
    assert len(shell.json("rejects", "list", BOB, "--limit", "1")) == 1
    said = shell.says("rejects", "show", BOB, ids[0])
    assert re.search(r"^Reason +on the block list$", said, re.MULTILINE)
    assert "Subject: Hello" in said
    assert re.search(r"X-Long: a\n +b\n", said)
    assert shell.json("rejects", "show", BOB, ids[0])["message"]["recipient"] == "bob@local.test"
    assert "has no refused message" in shell.refuses("rejects", "show", BOB, "0" * 13)


def test_they_are_released_and_removed(shell: Shell, ids: list[str]) -> None:
    assert shell.says("rejects", "release", BOB, ids[0]) == f"1 message released to {BOB}\n"
    assert shell.says("rejects", "remove", BOB, ids[1]) == "1 message deleted\n"
    assert shell.json("rejects", "list", BOB) == []
    assert "Missing argument" in shell.misuses("rejects", "release", BOB)


def test_how_often_somebody_is_told(shell: Shell) -> None:
    shell.says("domain", "add", "demo.test")
    shell.says("account", "add", "a@demo.test", "--no-password")
    assert shell.says("rejects", "digest", "a@demo.test") == "a@demo.test is told never\n"
    assert shell.json("rejects", "digest", "a@demo.test", "daily")["often"] == "daily"
    usual = shell.json("rejects", "digest", "a@demo.test", "usual")
    assert (usual["often"], usual["choice"]) == ("never", "usual")
    assert "Invalid value" in shell.misuses("rejects", "digest", "a@demo.test", "hourly")
