from pathlib import Path

from postroom.admin.office import Office
from tests.conftest import Opener
from tests.fakes import Clock
from tests.web.browser import ADMIN, PERSON, Browser, tell


def test_an_admin_sends_a_test_message_and_is_told_what_came_of_it(
    database: Opener, data: Path
) -> None:
    async def story(browser: Browser, _office: Office, _clock: Clock) -> None:
        await browser.get("/admin/test-letter")
        assert ADMIN in browser.text
        said = await browser.post("/admin/test-letter", {"to": ""})
        assert said.status == 400  # this office has no SMTP door
        assert "no door takes mail" in browser.text

    tell(database, data, story)


def test_people_do_not(database: Opener, data: Path) -> None:
    async def story(browser: Browser, _office: Office, _clock: Clock) -> None:
        assert (await browser.get("/admin/test-letter")).status == 403

    tell(database, data, story, logged_in=PERSON)
