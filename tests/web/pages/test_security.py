import html
import re
from pathlib import Path

from postroom.admin import accounts, bans, domains, roles
from postroom.admin.office import Office
from postroom.ledger import reports as rows
from postroom.ledger.reports import Received
from tests.conftest import Opener
from tests.directory.keys import quick
from tests.fakes import Clock
from tests.web.browser import PASSWORD, Browser, tell


def test_a_network_is_turned_away_and_let_in_again(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await browser.get("/admin/bans")
        fields = {"network": "192.0.2.0/24", "hours": "2", "reason": "<b>floods"}
        assert (await browser.post("/admin/bans", fields)).status == 303
        (one,) = [ban async for ban in bans.every(office)]
        assert (one.network, one.by_hand) == ("192.0.2.0/24", True)
        await browser.get("/admin/bans")
        assert "<b>floods" in browser.text
        await browser.post("/admin/bans", {"network": "192.0.2.0/24", "remove": "1"})
        assert [ban async for ban in bans.every(office)] == []
        for bad in (
            {"network": "127.0.0.1"},
            {"network": "x"},
            {"network": "1.1.1.1", "hours": "x"},
            {"network": "1.1.1.1", "hours": "999999999"},
        ):
            await browser.get("/admin/bans")
            assert (await browser.post("/admin/bans", bad)).status == 400
        assert (await browser.get("/admin/bans")).status == 200

    tell(database, data, story)


def test_many_bans_have_pages(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        for number in range(105):
            await bans.add(office, f"198.51.100.{number}", reason=f"flood {number % 2}")
        await browser.get("/admin/bans")
        assert "100 of 105 shown" in browser.text
        (way,) = re.findall(r'href="(/admin/bans\?[^"]+)"', browser.page)
        await browser.get(html.unescape(way))
        assert "5 of 105 shown" in browser.text
        await browser.get("/admin/bans?q=flood+1")
        assert "52 of 52 shown" in browser.text

    tell(database, data, story)


def test_reports_are_listed(database: Opener, data: Path) -> None:
    async def story(browser: Browser, _office: Office, _clock: Clock) -> None:
        assert (await browser.get("/admin/reports")).status == 200
        assert "None yet" in browser.text
        assert (await browser.get("/admin/reports/0000000000000")).status == 404

    tell(database, data, story)


def test_reports_are_drawn_day_by_day(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        begins = office.now()
        one = Received(
            office.ids.next(), "tls", "demo.test", "Them", begins, begins + 1, 70, 30, "{}"
        )
        await office.db.write(lambda tx: rows.add(tx, one, "x"))
        await browser.get("/admin/reports")
        assert "TLS Sessions of the last 30 days: 70 passed , 30 failed" in browser.text
        assert "DMARC Nothing was reported" in browser.text
        assert browser.page.count("<rect") == 60
        assert 'y="19.4" height="40.6"' in browser.page  # 70 of 100, below the 30
        assert re.search(r'class="failed" x="291" width="8" y="2.0" height="17.4"', browser.page)
        await browser.get("/admin/reports?q=other.test")
        assert "<rect" not in browser.page
        await domains.add(office, "other.test", generate=quick)
        await accounts.add(office, "chief@demo.test", password=PASSWORD)
        await roles.assign(office, "chief@demo.test", "admin", ["other.test"])
        chief = browser.another()
        await chief.log_in("chief@demo.test")
        await chief.get("/admin/reports")
        assert "<rect" not in chief.page

    tell(database, data, story)
