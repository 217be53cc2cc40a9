from pathlib import Path

from postroom.admin import backup_domains, domains
from postroom.admin.office import Office
from postroom.directory.dkim_keys import generate_pair
from tests.conftest import Opener
from tests.fakes import Clock
from tests.web.browser import ADMIN, Browser, tell


def test_a_domain_is_added_looked_at_changed_and_removed(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await browser.get("/admin/domains")
        said = await browser.post("/admin/domains", {"name": "Bücher.test"})
        assert said.headers["location"] == "/admin/domains/xn--bcher-kva.test"
        await browser.get(said.headers["location"])
        assert "bücher.test" in browser.text
        assert "10 mx.demo.test." in browser.text
        assert "$ORIGIN xn--bcher-kva.test." in browser.text
        await browser.get("/admin/domains/demo.test?check")
        assert "no name server is responsible for demo.test" in browser.text
        said = await browser.post("/admin/domains/demo.test", {"catch_all": ADMIN})
        assert said.status == 303
        assert (await domains.show(office, "demo.test")).catch_all == ADMIN
        await browser.get("/admin/domains")
        assert (await browser.post("/admin/domains/demo.test/remove", {})).status == 400
        assert "Nothing was changed" in browser.text
        await browser.get("/admin/domains")
        path = "/admin/domains/xn--bcher-kva.test/remove"
        assert (await browser.post(path, {})).headers["location"] == "/admin/domains"
        await browser.get("/admin/domains?q=cher")
        assert "0 of 0 shown" in browser.text

    tell(database, data, story)


def test_a_journal_is_set_and_ended(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        path = "/admin/domains/demo.test"
        await browser.get(path)
        said = await browser.post(f"{path}/journal", {"journal": "archive@vault.test"})
        assert said.headers["location"] == path
        await browser.get(path)
        assert 'value="archive@vault.test"' in browser.page
        assert (await domains.show(office, "demo.test")).journal == "archive@vault.test"
        await browser.post(f"{path}/journal", {"journal": ""})
        assert (await domains.show(office, "demo.test")).journal == ""

    tell(database, data, story)


def test_a_backup_mx_is_added_and_removed(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await browser.get("/admin/domains")
        said = await browser.post("/admin/backup-domains", {"name": "Bücher.example"})
        assert said.headers["location"] == "/admin/domains"
        await browser.get("/admin/domains")
        assert "bücher.example" in browser.text
        assert "1 of 1 shown" in browser.text
        await browser.post("/admin/backup-domains/xn--bcher-kva.example/remove", {})
        assert await backup_domains.find(office, "bücher.example") is None
        await browser.get("/admin/domains")
        assert (await browser.post("/admin/backup-domains", {"name": "demo.test"})).status == 400

    tell(database, data, story)


def test_a_long_list_has_pages_and_a_total(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        page = await domains.page(office, size=1)
        assert (len(page.items), page.total, page.next) == (1, 1, "")
        pair = generate_pair()
        for number in range(3):
            await domains.add(office, f"d{number}.test", generate=lambda: pair)
        seen, after = [], ""
        while True:
            page = await domains.page(office, after=after, size=2)
            seen += [one.ascii for one in page.items]
            assert page.total == 4
            after = page.next
            if not after:
                break
        assert seen == ["d0.test", "d1.test", "d2.test", "demo.test"]
        for odd in ("nonsense", "[1]", "[]", '["a", "b"]', "{}"):
            assert len((await domains.page(office, after=odd)).items) == 4
        assert (await browser.get("/admin/domains?after=%5B1%5D")).status == 200

    tell(database, data, story)


def test_a_domain_is_limited_and_says_so(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await browser.get("/admin/domains/demo.test")
        fields = {"accounts": "3", "default_quota": "1.5 GB", "total_quota": "100 GB"}
        said = await browser.post("/admin/domains/demo.test/limits", fields)
        assert said.status == 303
        await browser.get("/admin/domains/demo.test")
        assert "2 of 3" in browser.text
        assert 'value="1.5 GB"' in browser.page
        assert "Quotas together" in browser.text
        said = await browser.post(
            "/admin/domains/demo.test/limits", {**fields, "total_quota": "1 GB"}
        )
        assert said.status == 400
        endless = {**fields, "total_quota": "999999999 TB"}
        assert (await browser.post("/admin/domains/demo.test/limits", endless)).status == 400
        assert (await domains.show(office, "demo.test")).limits.total_quota == 100 << 30

    tell(database, data, story)
