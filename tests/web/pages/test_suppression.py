from pathlib import Path

from postroom.admin import suppression
from postroom.admin.office import Office
from postroom.web.pages.suppression import HERE, SHOWN
from tests.conftest import Opener
from tests.fakes import Clock
from tests.web.browser import ADMIN, PERSON, Browser, tell

THERE = f"/admin/people/{PERSON}/suppression"


async def listed(office: Office, account: str = PERSON) -> list[str]:
    return [one.address async for one in suppression.every(office, account)]


def test_a_person_sees_and_changes_whom_their_programs_do_not_write_to(
    database: Opener, data: Path
) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await browser.get(HERE)
        assert "Nobody is on the list." in browser.text
        assert '<option value="default" selected>' in browser.page
        await browser.post(HERE, {"recipient": "Gone@far.test"})
        await browser.get(HERE)
        assert "gone@far.test by hand" in " ".join(browser.text.split())
        await browser.post(HERE, {"scope": "all"})
        assert (await suppression.status(office, PERSON)).scope == "all"
        await browser.get(HERE)
        await browser.post(HERE, {"remove": "gone@far.test"})
        assert await listed(office) == []
        for bad in ({"scope": "some"}, {"recipient": "x"}, {}):
            await browser.get(HERE)
            assert (await browser.post(HERE, bad)).status == 400

    tell(database, data, story, logged_in=PERSON)


def test_a_long_list_has_pages_and_is_searched(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await suppression.load(office, PERSON, [f"{n:03}@far.test" for n in range(SHOWN + 1)])
        await browser.get(HERE)
        assert f"{SHOWN} of {SHOWN + 1} shown." in browser.text
        page = await suppression.page(office, PERSON, size=SHOWN)
        await browser.get(f"{HERE}?after={page.next}")
        assert f"{SHOWN:03}@far.test" in browser.text
        await browser.get(f"{HERE}?q=017")
        assert "017@far.test" in browser.text
        assert "018@far.test" not in browser.text
        await browser.get(f"{HERE}?q=x")
        assert "No address on the list begins so." in browser.text

    tell(database, data, story, logged_in=PERSON)


def test_an_administrator_does_so_for_others(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await browser.get(THERE)
        await browser.post(THERE, {"recipient": "a@far.test"})
        assert await listed(office) == ["a@far.test"]
        assert await listed(office, ADMIN) == []
        await browser.get(THERE)
        await browser.post(THERE, {"remove": "a@far.test"})
        assert await listed(office) == []

    tell(database, data, story)


def test_a_person_does_not_reach_the_list_of_another(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await suppression.add(office, ADMIN, ["a@far.test"])
        await browser.get(HERE)
        assert "a@far.test" not in browser.page
        assert (await browser.get(f"/admin/people/{ADMIN}/suppression")).status == 403
        await browser.get(HERE)
        said = await browser.post(f"/admin/people/{ADMIN}/suppression", {"remove": "a@far.test"})
        assert said.status == 403
        assert await listed(office, ADMIN) == ["a@far.test"]

    tell(database, data, story, logged_in=PERSON)
