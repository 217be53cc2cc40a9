import datetime as dt
from pathlib import Path

from postroom.admin import queue, trace
from postroom.admin.office import Office
from tests.conftest import Opener
from tests.fakes import Clock
from tests.web.browser import ADMIN, PERSON, Browser, tell
from tests.web.pages.test_write import filled

HERE = "/mail/waiting"


def at(clock: Clock, days: int) -> str:
    moment = dt.datetime.fromtimestamp(clock() / 1000, dt.UTC) + dt.timedelta(days=days)
    return moment.strftime("%Y-%m-%dT%H:%M")


async def send(browser: Browser, **fields: str) -> int:
    await browser.get("/mail/write")
    whole = {**filled(browser), "act": "send", **fields}
    return (await browser.upload("/mail/write", whole, "", b"")).status


def test_what_is_sent_later_waits_and_can_be_stopped(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, clock: Clock) -> None:
        later = at(clock, 2)
        assert await send(browser, to=ADMIN, subject="Birthday", later=later) == 303
        await browser.get("/mail?box=Sent")
        assert "Birthday" in browser.text
        await browser.get(HERE)
        assert "Birthday" in browser.text
        assert later.replace("T", " ") in browser.text
        assert "1 of 1 shown." in browser.text
        ((one,), page) = ([view async for view in queue.every(office)], browser.page)
        other = browser.another()
        await other.log_in(ADMIN)
        await other.get(HERE)
        assert "Nothing waits." in other.text
        assert (await other.post(HERE, {"id": one.id})).status == 404
        browser.page = page
        assert (await browser.post(HERE, {"id": one.id})).headers["location"] == f"{HERE}#done"
        await browser.get(HERE)
        assert "Nothing waits." in browser.text
        (told,) = (await trace.find(office, one.id)).messages
        assert "by who sent it" in str(told)
        assert (await browser.post(HERE, {"id": one.id})).status == 404

    tell(database, data, story, logged_in=PERSON)


def test_a_time_that_is_none_is_told(database: Opener, data: Path) -> None:
    async def story(browser: Browser, _office: Office, clock: Clock) -> None:
        for later in ("soon", at(clock, -1), at(clock, 40), "9999-12-31T23:59"):
            assert await send(browser, to=ADMIN, text="my words", later=later) == 400, later
            assert "It was not sent" in browser.text
            assert "my words" in browser.text
        assert await send(browser, to=ADMIN, later=f"{at(clock, 1)}+02:00") == 303

    tell(database, data, story, logged_in=PERSON)
