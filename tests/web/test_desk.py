"""Sessions: who gets in, what ends one, and forms from elsewhere."""

import urllib.parse
from pathlib import Path

import pytest

from postroom.admin import accounts, credentials
from postroom.admin.office import Office
from postroom.directory import web_sessions
from postroom.web.desk import MAX_FIELDS, MAX_FORM
from tests.conftest import Opener
from tests.fakes import Clock
from tests.web.browser import ADMIN, PASSWORD, PERSON, Browser, tell

HOUR = 3600


def test_the_secret_is_only_in_the_browser(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        said = await browser.log_in(ADMIN)
        assert said.status == 303
        assert said.headers["location"] == "/admin"
        cookie = said.headers["set-cookie"]
        assert {"HttpOnly", "SameSite=strict", "Secure", "Path=/"} <= set(cookie.split("; "))
        secret = browser.cookie.partition("=")[2]
        rows = await office.db.read(lambda tx: tx.all("SELECT * FROM web_session"))
        assert len(rows) == 1
        assert secret not in str(rows)
        assert (await browser.get("/admin")).status == 200

    tell(database, data, story, logged_in="")


def test_who_is_not_logged_in_is_sent_to_the_form(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        for page in ("/admin", "/admin/people/x", "/me"):
            said = await browser.get(page)
            assert (said.status, said.headers["location"]) == (303, f"/?next={page}")
        assert (await browser.post("/admin/domains", {"name": "x.test"})).status == 303
        assert await office.db.read(lambda tx: tx.one("SELECT count(*) FROM domain")) == (1,)
        browser.cookie = "postroom=guessed"
        assert (await browser.get("/admin")).status == 303

    tell(database, data, story, logged_in="")


def test_a_wrong_password_and_an_unknown_name_are_the_same(database: Opener, data: Path) -> None:
    async def story(browser: Browser, _office: Office, _clock: Clock) -> None:
        said = []
        for address, password in ((ADMIN, "wrong"), ("nobody@demo.test", PASSWORD)):
            answer = await browser.log_in(address, password)
            assert answer.status == 403
            said.append(browser.text)
        assert said[0] == said[1]
        assert browser.cookie == ""

    tell(database, data, story, logged_in="")


def test_an_app_password_does_not_open_the_pages(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        device = await credentials.add_app(office, ADMIN, "phone")
        assert (await browser.log_in(ADMIN, device)).status == 403

    tell(database, data, story, logged_in="")


def test_a_person_sees_nothing_of_the_administration(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        assert (await browser.get("/me")).status == 200
        assert "/admin" not in browser.page
        for page in ("/admin", "/admin/people", f"/admin/people/{ADMIN}", "/admin/trace?q=x"):
            assert (await browser.get(page)).status == 403
        await browser.get("/me")
        assert (await browser.post("/admin/people", {"address": "x@demo.test"})).status == 403
        assert len([one async for one in accounts.every(office)]) == 2

    tell(database, data, story, logged_in=PERSON)


@pytest.mark.parametrize("what", ["idle", "old", "password", "disabled", "logout"])
def test_what_ends_a_session(database: Opener, data: Path, what: str) -> None:
    async def story(browser: Browser, office: Office, clock: Clock) -> None:
        assert (await browser.get("/me")).status == 200
        if what == "idle":
            clock.advance(web_sessions.IDLE_MS + 1)
        elif what == "old":
            for _ in range(22):
                clock.advance(seconds=7 * HOUR)
                assert (await browser.get("/me")).status == 200
            clock.advance(seconds=15 * HOUR)
        elif what == "password":
            await credentials.set_password(office, PERSON, "another-One-2")
        elif what == "disabled":
            await accounts.change(office, PERSON, disabled=True)
        else:
            await browser.post("/logout", {})
        assert (await browser.get("/me")).status == 303

    tell(database, data, story, logged_in=PERSON)


def test_use_keeps_a_session(database: Opener, data: Path) -> None:
    async def story(browser: Browser, _office: Office, clock: Clock) -> None:
        for _ in range(3):
            clock.advance(seconds=7 * HOUR)
            assert (await browser.get("/me")).status == 200

    tell(database, data, story, logged_in=PERSON)


def test_forms_from_elsewhere_change_nothing(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await browser.get("/admin/domains")
        seen = browser.page
        bad: tuple[tuple[dict[str, str], dict[str, str]], ...] = (
            ({"csrf": ""}, {}),
            ({"csrf": "0" * 64}, {}),
            ({"csrf": "\u00e4"}, {}),
            ({}, {"origin": "https://evil.test"}),
            ({}, {"sec_fetch_site": "cross-site"}),
            ({}, {"sec_fetch_site": "same-site"}),
        )
        for fields, headers in bad:
            browser.page = seen
            said = await browser.post("/admin/domains", {"name": "x.test", **fields}, **headers)
            assert said.status == 403
            assert "Nothing was changed" in browser.text
        browser.page = seen
        large = await browser.post("/admin/domains", {"name": "x" * MAX_FORM})
        assert large.status == 413
        browser.page = seen
        many = await browser.post("/admin/domains", {f"f{n}": "" for n in range(MAX_FIELDS)})
        assert many.status == 413
        browser.page = seen
        assert (await browser.post("/admin/domains", {"name": "x\0.test"})).status == 403
        assert (await browser.get("/admin/people?q=%00")).status == 400
        assert await office.db.read(lambda tx: tx.one("SELECT count(*) FROM domain")) == (1,)
        browser.page = seen
        origin = "https://mx.demo.test"
        good = await browser.post("/admin/domains", {"name": "x.test"}, origin=origin)
        assert good.status == 303

    tell(database, data, story)


def test_a_login_from_another_site_is_refused(database: Opener, data: Path) -> None:
    async def story(browser: Browser, _office: Office, _clock: Clock) -> None:
        fields = {"address": ADMIN, "password": PASSWORD}
        said = await browser.post("/", fields, origin="https://evil.test")
        assert said.status == 403
        assert browser.cookie == ""

    tell(database, data, story, logged_in="")


@pytest.mark.parametrize(
    ("path", "led"),
    [
        ("/me/activity", "/me/activity"),
        ("/admin/people/bob@demo.test", "/admin/people/bob@demo.test"),
        ("//evil.test", "/mail"),
        ("/me//evil.test", "/mail"),
        ("https://evil.test/me", "/mail"),
        ("/me/../logout", "/mail"),
        ("/me\r\nSet-Cookie: x", "/mail"),
        ("/me/\\evil.test", "/mail"),
        ("/elsewhere", "/mail"),
        ("", "/mail"),
    ],
)
def test_a_login_leads_to_the_page_that_was_wanted(
    database: Opener, data: Path, path: str, led: str
) -> None:
    async def story(browser: Browser, _office: Office, _clock: Clock) -> None:
        query = urllib.parse.urlencode({"next": path})
        await browser.get(f"/?{query}")
        assert ("?next=" in browser.page) == (path == led)
        said = await browser.post(f"/?{query}", {"address": PERSON, "password": PASSWORD})
        assert said.headers["location"] == led

    tell(database, data, story, logged_in="")
