from pathlib import Path

from postroom.admin.office import Office
from tests.access.shop import put
from tests.admin.test_reach import number
from tests.conftest import Opener
from tests.fakes import Clock
from tests.web.browser import ADMIN, PERSON, Browser, tell
from tests.web.mail.letters import PLAIN
from tests.web.mail.test_reader import reader_of

HERE = "/mail/sharing"


def test_a_mailbox_is_shared_and_taken_back(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await put(office.store, PLAIN, account_id=await number(office, PERSON))
        theirs = f"Other Users/{PERSON}/INBOX"

        async def sees() -> bool:
            return theirs in [one.name for one in await (await reader_of(office, ADMIN)).boxes()]

        await browser.get(f"{HERE}?box=INBOX")
        assert "Nobody." in browser.text
        for fields in (
            {"grantee": "nobody@demo.test", "rights": "read"},
            {"grantee": "@demo.test", "rights": "read"},
            {"grantee": "anyone", "rights": "read"},
            {"grantee": ADMIN, "rights": "send"},
            {"box": "Nowhere", "grantee": ADMIN, "rights": "read"},
        ):
            await browser.get(f"{HERE}?box=INBOX")
            assert (await browser.post(HERE, {"box": "INBOX", **fields})).status >= 400, fields
        assert not await sees()
        await browser.get(f"{HERE}?box=INBOX")
        await browser.post(HERE, {"box": "INBOX", "grantee": f" {ADMIN}", "rights": "write"})
        assert await sees()
        await browser.get(f"{HERE}?box=INBOX")
        assert f"{ADMIN} read, mark, add and delete messages" in browser.text
        await browser.get(f"{HERE}?box=Sent")
        assert "Nobody." in browser.text
        await browser.get(f"{HERE}?box=INBOX")
        await browser.post(f"{HERE}/end", {"box": "INBOX", "grantee": ADMIN})
        assert not await sees()
        await browser.get(f"{HERE}?box=INBOX")
        assert (await browser.post(f"{HERE}/end", {"grantee": ADMIN})).status == 404

    tell(database, data, story, logged_in=PERSON)
