from pathlib import Path

from postroom.admin.office import Office
from tests.access.shop import put
from tests.admin.mailboxes.test_junk import WHY
from tests.admin.test_reach import number
from tests.conftest import Opener
from tests.fakes import Clock
from tests.web.browser import PERSON, Browser, tell

HERE = "/admin/junk"


def test_junk_is_looked_at_and_let_in(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await browser.get(HERE)
        assert "Look" in browser.text
        bob = await number(office, PERSON)
        await office.store.furnish(bob)
        letter = b"From: <b>@x.test\r\nSubject: <i>Offer\r\n\r\nthe body\r\n"
        await put(office.store, letter, account_id=bob, mailbox="Junk", prefix=WHY)
        await browser.get(f"{HERE}?account={PERSON}")
        assert "<i>Offer" in browser.text
        assert "Many signs" in browser.text
        assert "the body" not in browser.page
        assert "<i>" not in browser.page
        said = await browser.post(HERE, {"account": PERSON, "uid": "1"})
        assert (said.status, said.headers["location"]) == (303, f"{HERE}?account=bob%40demo.test")
        await browser.get(f"{HERE}?account={PERSON}")
        assert "None." in browser.text
        assert (await browser.post(HERE, {"account": PERSON, "uid": "1"})).status == 404
        await browser.get(HERE)
        assert (await browser.post(HERE, {"account": PERSON, "uid": "x"})).status == 400
        assert (await browser.get(f"{HERE}?account=no@demo.test")).status == 404

    tell(database, data, story)
