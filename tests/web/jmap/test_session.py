"""The session resource."""

from pathlib import Path

from postroom.admin import accounts, shares
from tests.conftest import Opener
from tests.web.jmap.client import ALICE, BOB, CORE, Client, tell


def test_a_session(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        found = client.session
        assert found["username"] == ALICE
        assert found["apiUrl"] == "https://mx.demo.test/jmap/api"
        for name, words in (
            ("downloadUrl", ("{accountId}", "{blobId}", "{name}", "{type}")),
            ("uploadUrl", ("{accountId}",)),
            ("eventSourceUrl", ("{types}", "{closeafter}", "{ping}")),
        ):
            assert all(word in found[name] for word in words)
        core = found["capabilities"][CORE]
        assert core["maxSizeUpload"] == client.office.config.limits.max_message
        assert core["maxSizeRequest"] >= 10_000_000
        assert core["maxCallsInRequest"] >= 16
        assert core["maxObjectsInGet"] >= 500
        assert list(found["accounts"]) == [client.account]
        own = found["accounts"][client.account]
        assert (own["name"], own["isPersonal"], own["isReadOnly"]) == (ALICE, True, False)
        assert set(found["primaryAccounts"]) == set(own["accountCapabilities"])
        assert set(own["accountCapabilities"]) <= set(found["capabilities"])

    tell(database, data, story)


def test_accounts_of_others_come_and_go(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        async def state() -> str:
            return str((await client.ask([]))["sessionState"])

        office, before = client.office, client.session["state"]
        assert await state() == before
        await office.store.furnish((await office.account(BOB)).id)
        await shares.add(office, f"{BOB}/INBOX", ALICE, "lr")
        assert await state() != before
        await client.log_in(ALICE)
        assert await state() == client.session["state"]
        (other,) = [one for one in client.session["accounts"] if one != client.account]
        told = client.session["accounts"][other]
        assert (told["name"], told["isPersonal"], told["isReadOnly"]) == (BOB, False, True)
        assert other not in client.session["primaryAccounts"].values()
        await shares.add(office, f"{BOB}/INBOX", ALICE, "write")
        await client.log_in(ALICE)
        assert not client.session["accounts"][other]["isReadOnly"]
        await accounts.change(office, BOB, disabled=True)
        await client.log_in(ALICE)
        assert other in client.session["accounts"]
        await shares.remove(office, f"{BOB}/INBOX", ALICE)
        assert await state() == before

    tell(database, data, story)
