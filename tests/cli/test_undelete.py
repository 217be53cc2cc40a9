import asyncio
import re

import pytest

from postroom.address import Address
from postroom.admin.open import open_office
from postroom.config.load import load
from postroom.directory import accounts
from postroom.store.spans import Span
from tests.access.shop import put
from tests.cli.conftest import Shell

ALICE = "alice@demo.test"


@pytest.fixture
def ids(shell: Shell) -> list[str]:
    """Alice has deleted three messages; their ids, the latest first."""
    shell.says("domain", "add", "demo.test")
    shell.says("account", "add", ALICE, "--password-stdin", typed="long enough\n")

    async def fill() -> None:
        async with open_office(load(shell.config)) as office:
            alice = await office.directory.look(
                lambda tx: accounts.require(tx, Address.parse(ALICE)).id
            )
            for name in ("one", "two", "three"):
                letter = f"From: {name}@x.test\r\nSubject: about {name}\r\n\r\nhello\r\n"
                await put(office.store, letter.encode(), account_id=alice, received=0)
            await office.store.expunge(alice, alice, Span(1, 3), flagged=False)

    asyncio.run(fill())
    return [one["id"] for one in shell.json("undelete", "list", ALICE)]


def test_deleted_messages_are_listed(shell: Shell, ids: list[str]) -> None:
    result = shell.run("undelete", "list", ALICE)
    heading, first, *_ = result.stdout.splitlines()
    assert re.split(r"  +", heading) == [
        "ID", "DELETED", "KEPT UNTIL", "MAILBOX", "DATE", "SIZE", "FROM", "SUBJECT",
    ]  # fmt: skip
    assert first.startswith(ids[0])
    assert re.search(r"INBOX +1970-01-01 00:00 +\d\dB +three@x.test +about three$", first)
    assert result.stderr == "note: 3 messages in all, 145B\n"
    result = shell.run("undelete", "list", ALICE, "--limit", "1", "--from", "X.TEST")
    assert len(result.stdout.splitlines()) == 2
    assert [one["id"] for one in shell.json("undelete", "list", ALICE, "--subject", "TWO")] == [
        ids[1]
    ]
    assert shell.json("undelete", "list", ALICE, "--since", "2999-12-31") == []
    assert len(shell.json("undelete", "list", ALICE, "--since", "2020-01-01 10:00")) == 3
    assert shell.json("undelete", "list", ALICE, "--mailbox", "Trash") == []
    assert "Invalid value for '--since'" in shell.misuses("undelete", "list", ALICE, "--since", "x")
    assert shell.refuses("undelete", "list", "nobody@demo.test").startswith("no account")


def test_messages_are_restored(shell: Shell, ids: list[str]) -> None:
    said = shell.says("undelete", "restore", ALICE, ids[0])
    assert said == "1 message restored: 1 to INBOX\n"
    told = shell.json("undelete", "restore", ALICE, "--all", "--to", "Back")
    assert (told["messages"], told["mailboxes"]) == (2, {"Back": 2})
    assert shell.json("undelete", "list", ALICE) == []
    assert "no deleted message" in shell.refuses("undelete", "restore", ALICE, ids[0])
    for action in ("restore", "purge"):
        nothing = shell.run("undelete", action, ALICE, "--from", "one")
        assert nothing.stdout.startswith("0 messages ")
        assert f"see: postroom undelete list {ALICE}" in nothing.stderr


def test_the_quota_is_respected_unless_told(shell: Shell, ids: list[str]) -> None:
    shell.says("account", "quota", ALICE, "100")
    assert "has no room for 3 messages" in shell.refuses("undelete", "restore", ALICE, "--all")
    said = shell.says("undelete", "restore", ALICE, "--all", "--over-quota")
    assert said == "3 messages restored: 3 to INBOX\n"


def test_messages_are_purged(shell: Shell, ids: list[str]) -> None:
    assert shell.json("undelete", "purge", ALICE, *ids[:2]) == {"messages": 2}
    said = shell.says("undelete", "purge", ALICE, "--subject", "about")
    assert said == "1 message deleted for good\n"
    assert shell.json("undelete", "list", ALICE) == []


@pytest.mark.parametrize("action", ["restore", "purge"])
def test_it_must_be_said_which(shell: Shell, action: str) -> None:
    for words in ([], ["0000000000001", "--all"], ["0000000000001", "--from", "x"]):
        assert "name IDs, or choose by" in shell.misuses("undelete", action, ALICE, *words)
