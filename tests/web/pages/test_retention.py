from pathlib import Path

from postroom.admin import retention
from postroom.admin.office import Office
from tests.conftest import Opener
from tests.fakes import Clock
from tests.web.browser import PERSON, Browser, tell


async def days(office: Office) -> dict[str, tuple[int, str]]:
    found = await retention.show(office, PERSON)
    return {one.mailbox: (one.days, one.by) for one in found if one.by != "settings"}


def test_a_person_keeps_for_a_shorter_time_only(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        for mailbox, text, status in (
            ("Junk", "7", 303),
            ("Trash", "31", 400),
            ("Trash", "0", 400),
            ("Sent", "365", 303),
            ("Sent", "some", 400),
            ("Nowhere", "3", 404),
        ):
            await browser.get("/me")
            said = await browser.post("/me/retention", {"mailbox": mailbox, "days": text})
            assert (mailbox, text, said.status) == (mailbox, text, status)
        assert await days(office) == {"Junk": (7, "owner"), "Sent": (365, "owner")}
        await browser.get("/me")
        assert "Junk: messages are deleted 7 days after" in browser.text
        await browser.post("/me/retention", {"mailbox": "Junk", "days": ""})
        assert await days(office) == {"Sent": (365, "owner")}

    tell(database, data, story, logged_in=PERSON)


def test_a_postmaster_says_it_of_others(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        page = f"/admin/people/{PERSON}"
        await browser.get(page)
        said = await browser.post(f"{page}/retention", {"mailbox": "Trash", "days": "90"})
        assert said.headers["location"] == page
        await browser.get(page)
        assert "Trash: messages are deleted 90 days after" in browser.text
        assert await days(office) == {"Trash": (90, "postmaster")}

    tell(database, data, story)
