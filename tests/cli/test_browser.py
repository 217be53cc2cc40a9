import asyncio

from postroom.address import Address
from postroom.admin.open import open_office
from postroom.config.load import load
from postroom.db.database import Tx
from postroom.directory import accounts, passkeys, web_sessions
from postroom.directory.passkeys import Passkey
from postroom.directory.web_sessions import WebSession
from tests.cli.conftest import Shell

BOB = "bob@demo.test"


def filled(shell: Shell) -> None:
    """Bob, with two sessions and a passkey."""
    shell.says("domain", "add", "demo.test")
    shell.says("account", "add", BOB, "--password-stdin", typed="long enough\n")

    async def fill() -> None:
        async with open_office(load(shell.config)) as office:
            now = office.now()

            def write(tx: Tx) -> None:
                bob = accounts.require(tx, Address.parse(BOB)).id
                for token in (b"1", b"2"):
                    one = WebSession(token, bob, 1, now, now, "192.0.2.1", "Firefox", "code")
                    web_sessions.add(tx, one)
                passkeys.add(tx, Passkey(9, bob, b"c", b"m", "mx.test", "phone", 0, now, None))

            await office.db.write(write)

    asyncio.run(fill())


def test_sessions_are_listed_and_ended(shell: Shell) -> None:
    filled(shell)
    said = shell.says("account", "session", "list", BOB)
    assert "192.0.2.1" in said
    first, _second = shell.json("account", "session", "list", BOB)
    assert shell.says("account", "session", "end", BOB, first["id"]) == (
        f"1 session of {BOB} ended\n"
    )
    assert "over already" in shell.refuses("account", "session", "end", BOB, first["id"])
    shell.says("account", "session", "end", BOB)
    assert shell.json("account", "session", "end", BOB) == {"address": BOB, "ended": 0}
    assert shell.json("account", "session", "list", BOB) == []


def test_passkeys_are_listed_and_removed(shell: Shell) -> None:
    filled(shell)
    assert "phone" in shell.says("account", "passkey", "list", BOB)
    (one,) = shell.json("account", "passkey", "list", BOB)
    shell.says("account", "passkey", "remove", BOB, one["id"])
    assert shell.json("account", "passkey", "list", BOB) == []
    assert "no such passkey" in shell.refuses("account", "passkey", "remove", BOB, one["id"])
