from pathlib import Path

from postroom.admin.office import Office
from tests.conftest import Opener
from tests.fakes import Clock
from tests.web.browser import ADMIN, PASSWORD, PERSON, Browser, tell


def test_the_form_works_without_a_script_and_leads_where_one_belongs(
    database: Opener, data: Path
) -> None:
    async def story(browser: Browser, _office: Office, _clock: Clock) -> None:
        said = await browser.get("/")
        assert said.status == 200
        assert "onsubmit" not in browser.page
        assert 'autocomplete="current-password"' in browser.page
        assert (await browser.log_in(PERSON)).headers["location"] == "/mail"
        assert (await browser.get("/")).headers["location"] == "/mail"
        await browser.get("/me")
        said = await browser.post("/logout", {})
        assert said.headers["location"] == "/"
        assert (await browser.log_in(ADMIN)).headers["location"] == "/admin"

    tell(database, data, story, logged_in="")


def test_the_address_that_was_typed_stays_and_the_password_does_not(
    database: Opener, data: Path
) -> None:
    async def story(browser: Browser, _office: Office, _clock: Clock) -> None:
        await browser.get("/")
        assert "value=" not in browser.page.partition("autocomplete")[2].partition(">")[0]
        assert (await browser.log_in('"><b>@x.test', "wrong-Word-1")).status == 403
        assert 'value="&#34;&gt;&lt;b&gt;@x.test"' in browser.page
        assert "wrong-Word-1" not in browser.page
        password = browser.page.partition('name="password"')[2].partition(">")[0]
        assert "autofocus" in password
        assert browser.page.count("autofocus") == 1

    tell(database, data, story, logged_in="")


def test_guessing_is_slowed_and_said_so(database: Opener, data: Path) -> None:
    async def story(browser: Browser, _office: Office, _clock: Clock) -> None:
        statuses = [(await browser.log_in(PERSON, f"guess-{n}")).status for n in range(80)]
        assert set(statuses) == {403, 429}
        assert "wait a minute" in browser.text
        assert PASSWORD not in browser.page

    tell(database, data, story, logged_in="")
