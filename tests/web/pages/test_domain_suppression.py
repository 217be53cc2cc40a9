from pathlib import Path

from postroom.admin import domain_suppression, suppression
from postroom.admin.office import Office
from tests.conftest import Opener
from tests.fakes import Clock
from tests.web.browser import ADMIN, PERSON, Browser, tell

PATH = "/admin/domains/demo.test/suppression"


def test_the_lists_of_a_domain_are_seen_cleared_and_shared(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await browser.get(PATH)
        assert "Nobody is on a list." in browser.text
        for one in (PERSON, ADMIN):
            await suppression.add(office, one, ["gone@far.test"])
        await browser.get("/admin/domains/demo.test")
        assert f'href="{PATH}"' in browser.page
        await browser.get(PATH)
        assert browser.text.count("by hand") == 2
        assert (PERSON in browser.text, ADMIN in browser.text) == (True, True)
        assert (await browser.post(PATH, {"shared": "yes"})).status == 303
        assert (await domain_suppression.status(office, "demo.test")).shared
        await browser.get(f"{PATH}?q=x")
        assert "No address on the lists begins so." in browser.text
        await browser.get(PATH)
        assert '<option value="yes" selected>' in browser.page
        assert (await browser.post(PATH, {"remove": "gone@far.test"})).status == 303
        assert (await domain_suppression.status(office, "demo.test")).addresses == 0
        await browser.get(PATH)
        await browser.post(PATH, {"shared": "no"})
        assert not (await domain_suppression.status(office, "demo.test")).shared
        for bad, status in (({"shared": "x"}, 400), ({}, 400), ({"remove": "x@far.test"}, 404)):
            await browser.get(PATH)
            assert (await browser.post(PATH, bad)).status == status

    tell(database, data, story)


def test_a_person_does_not_reach_it(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        assert (await browser.get(PATH)).status == 403
        assert (await browser.post(PATH, {"shared": "yes"})).status == 403
        assert not (await domain_suppression.status(office, "demo.test")).shared

    tell(database, data, story, logged_in=PERSON)
