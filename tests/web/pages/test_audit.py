import datetime as dt
import re
from pathlib import Path

from postroom.admin import accounts
from postroom.admin.office import Office
from postroom.web.pages import audit
from tests.conftest import Opener
from tests.fakes import Clock
from tests.web.browser import ADMIN, PERSON, Browser, tell


def test_what_a_person_changed_is_found_by_who_what_and_when(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, clock: Clock) -> None:
        clock.advance(days=2)
        await browser.log_in(ADMIN)
        await browser.get("/admin/people")
        fields = {"address": "new@demo.test", "name": "<i>New", "password": "a-Secret-one-1"}
        await browser.post("/admin/people", fields)
        today = dt.datetime.fromtimestamp(clock.now // 1000, dt.UTC).date()
        await browser.get("/admin/audit")
        assert f"person {ADMIN} from 127.0.0.1 account.add new@demo.test" in browser.text
        assert "domain.add demo.test" in browser.text
        assert "<i>New" in browser.text
        assert "a-Secret" not in browser.page
        for query in (f"actor={ADMIN}", "object=NEW@demo.test", f"since={today}"):
            await browser.get(f"/admin/audit?{query}")
            assert "1 of 1 shown" in browser.text, query
            assert "new@demo.test" in browser.text
        await browser.get(f"/admin/audit?actor={ADMIN}&object={PERSON}")
        assert "Nothing." in browser.text
        said = await browser.get("/admin/audit?since=x<b>")
        assert said.status == 400
        assert "is no day" in browser.text

    tell(database, data, story)


def test_older_entries_are_on_further_pages(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        for number in range(audit.SHOWN + 1):
            await accounts.change(office, PERSON, name=f"Bob {number}")
        await browser.get(f"/admin/audit?object={PERSON}")
        total = audit.SHOWN + 2  # and how it was added
        assert f"{audit.SHOWN} of {total} shown" in browser.text
        found = re.search(r'href="(/admin/audit\?[^"]+)">Next page', browser.page)
        assert found is not None
        await browser.get(found[1].replace("&amp;", "&"))
        assert f"2 of {total} shown" in browser.text
        assert "account.add" in browser.text
        assert "Next page" not in browser.text

    tell(database, data, story)
