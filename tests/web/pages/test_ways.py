from pathlib import Path

from postroom.admin.office import Office
from tests.conftest import Opener
from tests.fakes import Clock
from tests.web.browser import ADMIN, PERSON, Browser, tell
from tests.web.pages.test_write import HERE as WRITE, filled

HERE = "/mail/ways"


def test_the_form_comes_back_with_the_ways(database: Opener, data: Path) -> None:
    async def story(browser: Browser, _office: Office, _clock: Clock) -> None:
        await browser.get(WRITE)
        fields = {**filled(browser), "to": f"{ADMIN}, x@nowhere.test, half", "text": "my words"}
        fields |= {"act": "check", "proven": "on"}
        said = await browser.upload(HERE, fields, "a.txt", b"a")
        assert said.status == 200
        assert "demo.test : it stays on this server" in browser.text
        assert "Files have to be chosen again" in browser.text
        assert filled(browser)["text"] == "my words"
        assert filled(browser)["mark"] == fields["mark"]
        assert 'name="proven" checked' in browser.page

    tell(database, data, story, logged_in=PERSON)


def test_a_script_asks_for_the_ways_alone(database: Opener, data: Path) -> None:
    async def story(browser: Browser, _office: Office, _clock: Clock) -> None:
        await browser.get(f"{HERE}?to={ADMIN}&cc={PERSON}&bcc=")
        assert browser.text.count("it stays on this server") == 1
        await browser.get(f"{HERE}?to=")
        assert '<div id="ways" role="status"></div>' in browser.page
        assert (await browser.get(f"{HERE}?to=&from=nobody")).status == 400

    tell(database, data, story, logged_in=PERSON)
