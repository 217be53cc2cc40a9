from pathlib import Path

from postroom.admin.office import Office
from tests.conftest import Opener
from tests.fakes import Clock
from tests.web.browser import PERSON, Browser, tell

HERE = "/mail"


def test_mailboxes_are_made_renamed_and_deleted(database: Opener, data: Path) -> None:
    async def story(browser: Browser, _office: Office, _clock: Clock) -> None:
        await browser.get(HERE)
        said = await browser.post(f"{HERE}/mailboxes", {"name": "Work/Bills"})
        assert said.headers["location"] == "/mail?box=Work%2FBills"
        await browser.get(said.headers["location"])
        said = await browser.post(f"{HERE}/mailboxes/change", {"box": "Work/Bills", "name": "Old"})
        assert said.headers["location"] == "/mail?box=Old"
        await browser.get("/mail?box=Old")
        away = {"box": "Old", "remove": "1"}
        assert (await browser.post(f"{HERE}/mailboxes/change", away)).status == 400
        await browser.get("/mail?box=Old")
        said = await browser.post(f"{HERE}/mailboxes/change", {**away, "sure": "on"})
        assert said.status == 303
        assert (await browser.get("/mail?box=Old")).status == 404
        await browser.get(HERE)
        assert (await browser.post(f"{HERE}/mailboxes", {"name": "INBOX"})).status == 400

    tell(database, data, story, logged_in=PERSON)
