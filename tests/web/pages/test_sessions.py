"""Sessions are seen and ended; a browser that was never used before is told of."""

import re
from pathlib import Path

import msgspec

from postroom.admin import trace
from postroom.admin.office import Office
from postroom.config.login import Login
from postroom.errors import NotFound
from tests.conftest import Opener
from tests.fakes import Clock
from tests.web.browser import CONFIG, PERSON, Browser, tell

OWN, ALL = "/me/security", "/admin/sessions"


def ids(page: str) -> list[str]:
    return re.findall(r'name="id" value="([0-9a-f]{24})"', page)


def test_one_of_the_own_sessions_is_ended(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        other, third = browser.another(), browser.another()
        await other.log_in(PERSON)
        await browser.get(OWN)
        (ident,) = ids(browser.page)
        assert "this browser" in browser.text
        await third.log_in(PERSON)
        await browser.get(OWN)
        assert len(ids(browser.page)) == 2
        await browser.post("/me/sessions", {"id": ident})
        assert (await other.get("/me")).status == 303
        assert (await third.get("/me")).status == 200
        await browser.get(OWN)
        assert (await browser.post("/me/sessions", {"id": ident})).status == 404
        rows = await office.db.read(lambda tx: tx.all("SELECT token FROM web_session"))
        await browser.get(OWN)
        assert not [row for row in rows if bytes(row[0]).hex() in browser.page]
        await browser.post("/me/sessions/end", {})
        assert (await third.get("/me")).status == 303
        assert (await browser.get("/me")).status == 200

    tell(database, data, story, logged_in=PERSON)


def test_an_owner_ends_those_of_others(database: Opener, data: Path) -> None:
    async def story(browser: Browser, _office: Office, _clock: Clock) -> None:
        windows = [browser.another() for _ in range(3)]
        for one in windows:
            await one.log_in(PERSON)
        await browser.get(f"{ALL}?q=bob@")
        idents = ids(browser.page)
        assert len(idents) == 3
        await browser.post(ALL, {"account": PERSON, "id": idents[0]})
        assert sum([(await one.get("/me")).status == 200 for one in windows]) == 2
        await browser.get(ALL)
        await browser.post(ALL, {"account": PERSON, "all": "1"})
        assert not [one for one in windows if (await one.get("/me")).status == 200]
        await browser.get(ALL)
        assert "1 of 1 shown" in browser.text

    tell(database, data, story)


async def notices(office: Office) -> int:
    try:
        return len((await trace.find(office, PERSON)).messages)
    except NotFound:
        return 0


def test_a_new_browser_is_told_of_once(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        assert await notices(office) == 0  # the first that this account has used
        await browser.log_in(PERSON)
        assert await notices(office) == 0
        other = browser.another()
        await other.log_in(PERSON)
        assert await notices(office) == 1
        await other.post("/logout", {})
        await other.log_in(PERSON)
        assert await notices(office) == 1
        assert other.jar["postroom-device"] not in str(
            await office.db.read(lambda tx: tx.all("SELECT * FROM web_device"))
        )

    tell(database, data, story, logged_in=PERSON)


def test_notices_can_be_switched_off(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await browser.another().log_in(PERSON)
        assert await notices(office) == 0

    config = msgspec.structs.replace(CONFIG, login=Login(notices=False))
    tell(database, data, story, logged_in=PERSON, config=config)
