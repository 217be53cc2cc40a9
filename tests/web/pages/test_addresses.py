from pathlib import Path

from postroom.admin import aliases, domains
from postroom.admin.office import Office
from tests.conftest import Opener
from tests.fakes import Clock
from tests.web.browser import PERSON, Browser, tell


def test_an_alias_is_added_found_and_removed(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await browser.get("/admin/addresses")
        fields = {"address": "team@demo.test", "targets": f"{PERSON}, x@other.test"}
        assert (await browser.post("/admin/addresses", fields)).status == 303
        assert (await aliases.show(office, "team@demo.test")).targets[1].kind == "remote"
        await browser.get("/admin/addresses?q=other.test")
        assert "team@demo.test" in browser.text
        await browser.get("/admin/addresses?for=team@demo.test")
        assert "Mail for team@demo.test is taken, through the alias team@demo.test" in browser.text
        assert f"A copy goes to {PERSON}" in browser.text
        assert "A copy is forwarded to x@other.test" in browser.text
        await domains.set_journal(office, "demo.test", "j@other.test")
        await browser.get("/admin/addresses?for=team@demo.test")
        assert "The journal of demo.test has a copy: j@other.test." in browser.text
        fields |= {"targets": PERSON, "writers": "here", "hidden": "on"}
        said = await browser.post("/admin/addresses/change", fields)
        assert said.headers["location"] == "/admin/addresses?q=team%40demo.test"
        changed = await aliases.show(office, "team@demo.test")
        assert ([one.address for one in changed.targets], changed.writers) == ([PERSON], "here")
        assert changed.hidden
        await browser.get("/admin/addresses?for=team@demo.test")
        assert "Only who has logged in here may write to it." in browser.text
        assert "only people of this server may write to it" in browser.text
        wrong = await browser.post("/admin/addresses/change", {**fields, "writers": "x"})
        assert wrong.status == 400
        await browser.get("/admin/addresses")
        await browser.post("/admin/addresses/remove", {"address": "team@demo.test"})
        await browser.get("/admin/addresses")
        assert "0 of 0 shown" in browser.text

    tell(database, data, story)


def test_the_box_tells_the_truth_about_every_address(database: Opener, data: Path) -> None:
    async def story(browser: Browser, _office: Office, _clock: Clock) -> None:
        for asked, words in (
            (PERSON, "is taken"),
            ("bob%2Blists@demo.test", "is taken"),
            ("nobody@demo.test", "no account, alias or catch-all"),
            ("a@other.test", "not served here"),
            ("no address", "no address"),
        ):
            await browser.get(f"/admin/addresses?for={asked}")
            assert words in browser.text, asked

    tell(database, data, story)
