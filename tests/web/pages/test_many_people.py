import re
from pathlib import Path

from postroom.admin import accounts
from postroom.admin.office import Office
from tests.admin.bureau import logs_in
from tests.conftest import Opener
from tests.fakes import Clock
from tests.web.browser import Browser, tell


def test_many_are_added_disabled_and_enabled(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await browser.get("/admin/people/many")
        wrong = {"people": "eve@demo.test,Eve <e>\r\nbob@demo.test\r\n"}
        assert (await browser.post("/admin/people/many", wrong)).status == 400
        assert "Line 2 bob@demo.test bob@demo.test is an account already" in browser.text
        assert "eve@demo.test,Eve <e> bob@demo.test" in browser.text  # to be corrected
        right = {"people": "eve@demo.test,Eve <e>\r\nkim@demo.test,,2 GB,a-Good-one-2\r\n"}
        assert (await browser.post("/admin/people/many", right)).status == 200
        told = browser.text.partition("Password eve@demo.test ")[2].split()[0]
        assert await logs_in(office, "eve@demo.test", told)
        assert await logs_in(office, "kim@demo.test", "a-Good-one-2")
        assert "a-Good-one-2" not in browser.page

        await browser.get("/admin/people?q=demo")
        chosen = dict.fromkeys(re.findall(r'name="(chosen:[ek][^"]*)"', browser.page), "on")
        assert len(chosen) == 2
        for state in ("disabled", "active"):
            await browser.get("/admin/people?q=demo")
            fields = {**chosen, "q": "demo", "after": "", "state": state}
            said = await browser.post("/admin/people/state", fields)
            assert said.headers["location"] == "/admin/people?q=demo&after="
            assert (await accounts.show(office, "kim@demo.test")).state == state
            assert (await accounts.show(office, "eve@demo.test")).state == state
        await browser.get("/admin/people")
        assert (await browser.post("/admin/people/state", {"state": "disabled"})).status == 400
        assert "nobody was chosen" in browser.text

    tell(database, data, story)
