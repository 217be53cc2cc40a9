from pathlib import Path

from postroom.admin.office import Office
from postroom.web.mail import form
from tests.admin.test_reach import number
from tests.conftest import Opener
from tests.fakes import Clock
from tests.web.browser import PERSON, Browser, tell

HERE = "/mail/write"


def test_a_form_has_an_end(database: Opener, data: Path) -> None:
    async def story(browser: Browser, _office: Office, _clock: Clock) -> None:
        await browser.get(HERE)
        page = browser.page
        for fields, name, octets, status, words in (
            ({"text": "x" * (form.MOST_TEXT + 1)}, "", b"", 413, "longer than 1 MB"),
            ({}, "big", b"x" * (form.MOST + 1), 413, "25 MB"),
            ({"text": "\0"}, "", b"", 400, "NUL"),
        ):
            browser.page = page
            said = await browser.upload(HERE, fields, name, octets)
            assert said.status == status
            assert words in browser.text
        browser.page = page
        assert (await browser.upload(HERE, {}, "a", b"b", is_file_first=True)).status == 403
        browser.page = page
        assert (await browser.upload(HERE, {}, "a", b"b", cut=20)).status == 400
        browser.page = page
        said = await browser.upload(HERE, {}, "a", b"b", headers={"sec-fetch-site": "cross-site"})
        assert said.status == 403
        assert not form._UNDER_WAY

    tell(database, data, story, logged_in=PERSON)


def test_few_are_held_at_a_time(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await browser.get(HERE)
        own = await number(office, PERSON)
        page = browser.page
        for whose in ([0] * form.TOGETHER, [own] * form.OF_ONE):
            form._UNDER_WAY.update({object(): one for one in whose})
            browser.page = page
            try:
                said = await browser.upload(HERE, {}, "a", b"b")
            finally:
                form._UNDER_WAY.clear()
            assert said.status == 400
            assert "try it again" in browser.text

    tell(database, data, story, logged_in=PERSON)
