"""The second factor, from the picture to the code that is asked for; and sessions."""

import html
import re
from pathlib import Path

import msgspec
import pyotp

from postroom.admin import accounts, second_factor
from postroom.admin.office import Office
from postroom.config.login import Login
from postroom.directory.second_factor import STEP_MS
from tests.admin.bureau import logs_in
from tests.conftest import Opener
from tests.fakes import Clock
from tests.web.asking import Said
from tests.web.browser import ADMIN, CONFIG, PASSWORD, PERSON, Browser, tell

HERE = "/me/security"


async def enrol(browser: Browser, clock: Clock, **more: str) -> tuple[str, list[str]]:
    """Set it up as the page says; the key and the recovery codes."""
    await browser.get(HERE)
    assert (await browser.post(f"{HERE}/begin", {})).status == 303
    await browser.get(HERE)
    found = re.search(r"Key: <code>([A-Z2-7]+)</code>", browser.page)
    assert found
    assert "<svg" in browser.page
    said = await browser.post(f"{HERE}/enable", {"code": code(found[1], clock), **more})
    assert said.status == 200
    listed = re.search(r"<pre><code>(.*?)</code>", browser.page, re.DOTALL)
    assert listed
    return found[1], html.unescape(listed[1]).split()


def code(key: str, clock: Clock, later: int = 0) -> str:
    return pyotp.TOTP(key).generate_otp(clock() // STEP_MS + later)


async def answer(browser: Browser, text: str) -> Said:
    """Send the form that asks for a code."""
    found = re.search(r'name="half" value="([^"]+)"', browser.page)
    assert found
    return await browser.post("/second", {"half": found[1], "code": text})


def test_from_the_picture_to_the_next_login(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, clock: Clock) -> None:
        other = browser.another()
        await other.log_in(PERSON)
        key, codes = await enrol(browser, clock)
        assert (len(codes), (await browser.get(HERE)).status) == (10, 200)
        assert codes[0] not in browser.page
        assert (await other.get("/me")).status == 303  # it was logged in without
        assert not await logs_in(office, PERSON, PASSWORD)
        await browser.get("/me/devices")
        assert "Mail programs need one" in browser.text

        said = await other.log_in(PERSON)
        assert said.status == 200
        assert "set-cookie" not in said.headers
        assert (await other.get("/me")).status == 303
        await other.log_in(PERSON)
        assert (await answer(other, "000000")).status == 403
        assert "not right" in other.text
        assert (await answer(other, code(key, clock))).status == 403  # was used to set it up
        said = await answer(other, code(key, clock, 1))
        assert said.headers["location"] == "/mail"
        assert (await other.get("/me")).status == 200

        third = browser.another()
        await third.log_in(PERSON)
        assert (await answer(third, codes[0])).status == 303
        await third.post("/logout", {})
        await third.log_in(PERSON)
        assert (await answer(third, codes[0])).status == 403

    tell(database, data, story, logged_in=PERSON)


def test_the_page_that_was_wanted_is_not_forgotten_by_the_code(
    database: Opener, data: Path
) -> None:
    async def story(browser: Browser, _office: Office, clock: Clock) -> None:
        key, _codes = await enrol(browser, clock)
        other = browser.another()
        await other.post("/?next=/me/mail", {"address": PERSON, "password": PASSWORD})
        found = re.search(r'action="(/second[^"]*)"', other.page)
        half = re.search(r'name="half" value="([^"]+)"', other.page)
        assert found
        assert half
        said = await other.post(found[1], {"half": half[1], "code": code(key, clock, 1)})
        assert said.headers["location"] == "/me/mail"

    tell(database, data, story, logged_in=PERSON)


def test_guessing_codes_is_stopped_wherever_it_comes_from(database: Opener, data: Path) -> None:
    async def story(browser: Browser, _office: Office, clock: Clock) -> None:
        key, _codes = await enrol(browser, clock)
        guesser = browser.another()
        await guesser.log_in(PERSON)
        statuses = [(await answer(guesser, f"{n:06}")).status for n in range(8)]
        assert statuses == [403] * 5 + [429] * 3
        assert "Too many wrong codes: wait a minute and try again." in guesser.text
        assert (await answer(guesser, code(key, clock, 1))).status == 429
        clock.advance(seconds=61)
        assert (await answer(guesser, code(key, clock))).status == 303
        await guesser.post("/logout", {})
        await guesser.log_in(PERSON)
        for text in ("000000",) * 5 + (code(key, clock, 1),):
            await answer(guesser, text)
        clock.advance(seconds=61)
        assert (await answer(guesser, "000000")).status == 403
        assert (await answer(guesser, code(key, clock, 1))).status == 429
        assert "wait 2 minutes and try" in guesser.text

    tell(database, data, story, logged_in=PERSON)


def test_a_half_login_is_worth_nothing_alone(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, clock: Clock) -> None:
        key, _codes = await enrol(browser, clock)
        other = browser.another()
        await other.log_in(PERSON)
        page = other.page
        for half in ("", "x", page):
            said = await other.post("/second", {"half": half, "code": code(key, clock, 1)})
            assert said.status == 403
        other.page = page
        found = re.search(r'name="half" value="([^"]+)"', page)
        assert found
        said = await other.post(
            "/second", {"half": found[1], "code": code(key, clock, 1)}, origin="https://evil.test"
        )
        assert said.status == 403
        clock.advance(seconds=301)
        other.page = page
        assert (await answer(other, code(key, clock))).status == 403
        assert "took too long" in other.text
        await other.log_in(PERSON)
        await accounts.change(office, PERSON, disabled=True)
        assert (await answer(other, code(key, clock))).status == 403

    tell(database, data, story, logged_in=PERSON)


def test_it_is_taken_away_with_password_and_code(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, clock: Clock) -> None:
        _key, codes = await enrol(browser, clock)
        for fields in (
            {"password": "wrong", "code": codes[0]},
            {"password": PASSWORD, "code": "000000"},
            {"password": PASSWORD},
        ):
            await browser.get(HERE)
            assert (await browser.post(f"{HERE}/disable", fields)).status == 400
        await browser.get(HERE)
        await browser.post(f"{HERE}/codes", {"code": codes[0]})
        new = re.search(r"<pre><code>(\S+)", browser.page)
        assert new
        await browser.get(HERE)
        said = await browser.post(f"{HERE}/disable", {"password": PASSWORD, "code": new[1]})
        assert said.status == 303
        assert (await second_factor.show(office, PERSON)).state == "off"
        assert await logs_in(office, PERSON, PASSWORD)
        assert (await browser.another().log_in(PERSON)).headers["location"] == "/mail"

    tell(database, data, story, logged_in=PERSON)


def test_mail_programs_may_go_on_with_the_password(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, clock: Clock) -> None:
        await enrol(browser, clock, opens_mail="on")
        assert await logs_in(office, PERSON, PASSWORD)
        await browser.get("/me")
        assert "Mail programs need one" not in browser.text
        assert (await browser.another().log_in(PERSON)).status == 200

    tell(database, data, story, logged_in=PERSON)


def test_who_must_have_one_gets_nowhere_else(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, clock: Clock) -> None:
        person = browser.another()
        await person.log_in(PERSON)
        assert (await person.get("/me")).status == 200
        for page in ("/admin", "/admin/people", "/me", "/me/filters"):
            said = await browser.get(page)
            assert (said.status, said.headers["location"]) == (303, HERE), page
        await browser.get(HERE)
        assert "asks you for a second factor" in browser.text
        said = await browser.post("/admin/domains", {"name": "x.test"})
        assert said.headers["location"] == HERE
        assert await office.db.read(lambda tx: tx.one("SELECT count(*) FROM domain")) == (1,)
        await enrol(browser, clock)
        assert (await browser.get("/admin")).status == 200

    config = msgspec.structs.replace(CONFIG, login=Login(second_factor="admins"))
    tell(database, data, story, config=config)


def test_an_administrator_takes_one_away(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, clock: Clock) -> None:
        person = browser.another()
        await person.log_in(PERSON)
        await enrol(person, clock)
        await browser.get(f"/admin/people/{PERSON}")
        assert "Second factor" in browser.text
        said = await browser.post(f"/admin/people/{PERSON}/second-factor", {})
        assert said.status == 303
        assert (await second_factor.show(office, PERSON)).state == "off"
        await browser.get(f"/admin/people/{PERSON}")
        assert "Second factor" not in browser.text

    tell(database, data, story, logged_in=ADMIN)
