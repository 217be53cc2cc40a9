"""What a method gets."""

from pathlib import Path
from typing import Any

from postroom.admin import credentials, shares
from postroom.web.jmap.method import Call, Result
from postroom.web.jmap.methods import METHODS
from tests.conftest import Opener
from tests.web.jmap.client import ALICE, BOB, CORE, Client, tell


async def look(call: Call) -> Result:
    """Whose account it is, for who may change it or have it for their own."""
    how = call.arguments.get("how")
    if how == "send":
        call.require("smtp")
    found = await (call.own_account() if how == "own" else call.account(write=how == "write"))
    return {"name": found.address}


def test_accounts_that_a_person_reaches(database: Opener, data: Path, monkeypatch: Any) -> None:
    monkeypatch.setitem(METHODS, "Look/get", (CORE, look))

    async def story(client: Client) -> None:
        async def kind(account: object, how: str = "") -> str:
            arguments = {"accountId": account, "how": how}
            ((name, found, _),) = await client.responses(["Look/get", arguments])
            return str(found["type"] if name == "error" else found["name"])

        bob = await client.another(BOB)
        assert await kind(client.account) == await kind(client.account, "own") == ALICE
        assert await kind(client.account, "write") == ALICE
        assert await kind(bob.account) == await kind("A1") == await kind("") == "accountNotFound"
        assert await kind(None) == await kind(7) == "invalidArguments"
        await client.office.store.furnish((await client.office.account(BOB)).id)
        await shares.add(client.office, f"{BOB}/INBOX", ALICE, "lr")
        assert await kind(bob.account) == BOB
        assert await kind(bob.account, "write") == "accountReadOnly"
        assert await kind(bob.account, "own") == "accountNotSupportedByMethod"
        await shares.add(client.office, f"{BOB}/INBOX", ALICE, "write")
        assert await kind(bob.account, "write") == BOB
        await shares.remove(client.office, f"{BOB}/INBOX", ALICE)
        assert await kind(bob.account) == "accountNotFound"

    tell(database, data, story)


def test_an_app_password_does_what_it_is_for(
    database: Opener, data: Path, monkeypatch: Any
) -> None:
    monkeypatch.setitem(METHODS, "Look/get", (CORE, look))

    async def story(client: Client) -> None:
        assert await client.call("Look/get", how="send")
        made = await credentials.add_app(client.office, ALICE, "phone", ["imap"])
        await client.log_in(ALICE, made)
        assert await client.call("Look/get")
        assert (await client.fails("Look/get", how="send"))["type"] == "forbidden"
        both = await credentials.add_app(client.office, ALICE, "laptop", ["imap", "smtp"])
        await client.log_in(ALICE, both)
        assert await client.call("Look/get", how="send")

    tell(database, data, story)
