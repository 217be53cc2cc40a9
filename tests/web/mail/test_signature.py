import urllib.parse
from pathlib import Path

import pytest

from postroom.admin import accounts
from postroom.admin.office import Office
from postroom.errors import Invalid
from postroom.web.mail import signature
from postroom.web.mail.signature import above
from tests.access.shop import put
from tests.admin.test_reach import number
from tests.conftest import Opener
from tests.fakes import Clock
from tests.web.browser import ADMIN, PERSON, Browser, tell
from tests.web.mail.letters import PLAIN
from tests.web.mail.test_reader import reader_of
from tests.web.pages.test_write import filled


def test_a_signature_stands_under_what_is_written(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await put(office.store, PLAIN, account_id=await number(office, PERSON))
        await browser.get("/mail")
        said = await browser.post("/mail/signature", {"signature": "Bob <b>\r\nat work\r\n\r\n"})
        assert said.headers["location"] == "/mail#done"
        await browser.get("/mail")
        assert "Bob &lt;b&gt;\nat work</textarea>" in browser.page
        await browser.get("/mail/write")
        assert filled(browser)["text"] == "\n\n-- \nBob <b>\nat work\n"
        await browser.get("/mail/write?uid=1&to=author")
        assert "at work\n\n\nOn 2026" in filled(browser)["text"]
        assert await signature.read(await reader_of(office, ADMIN)) == ""
        await browser.get("/mail")
        await browser.post("/mail/signature", {"signature": " "})
        await browser.get("/mail/write")
        assert filled(browser)["text"] == ""

    tell(database, data, story, logged_in=PERSON)


def test_an_address_has_a_signature_of_its_own(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await accounts.add_address(office, PERSON, "sales@demo.test")
        await accounts.add_address(office, PERSON, "büro@demo.test")
        await browser.get("/mail")
        await browser.post("/mail/signature", {"signature": "Bob"})
        for address in ("sales@demo.test", "büro@demo.test"):
            await browser.get("/mail/signatures")
            fields = {"address": address, "signature": f"At {address}"}
            said = await browser.post("/mail/signature", fields)
            assert said.headers["location"] == "/mail/signatures#done"
            await browser.get(f"/mail/write?{urllib.parse.urlencode({'from': address})}")
            assert filled(browser)["text"] == f"\n\n-- \nAt {address}\n"
            assert f"<option selected>{address}" in browser.page
        await browser.get("/mail/write")
        assert filled(browser)["text"] == "\n\n-- \nBob\n"
        await browser.get("/mail/signatures")
        assert "At sales@demo.test</textarea>" in browser.page
        strange = {"address": ADMIN, "signature": "not mine"}
        assert (await browser.post("/mail/signature", strange)).status == 400

    tell(database, data, story, logged_in=PERSON)


def test_a_signature_has_an_end(database: Opener, data: Path) -> None:
    async def story(_browser: Browser, office: Office, _clock: Clock) -> None:
        with pytest.raises(Invalid, match="2000"):
            await signature.write(await reader_of(office), "x" * 2_001)

    tell(database, data, story, logged_in="")
    assert above("", "quoted") == "quoted"
