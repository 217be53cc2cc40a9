import re
from pathlib import Path

import pytest

from postroom.admin import forwards, roles
from postroom.admin.actor import Actor, acting
from postroom.admin.office import Office
from postroom.policy import login_rows
from postroom.policy.logins import DAY_MS, Attempt, Counted
from postroom.web.pages import activity
from tests.admin.test_activity import submit
from tests.conftest import Opener
from tests.fakes import Clock
from tests.web.browser import ADMIN, PASSWORD, PERSON, Browser, tell
from tests.web.pages.test_own_security import answer, code, enrol


async def write(browser: Browser, office: Office) -> None:
    """What the keeper does every two seconds."""
    found = dict(browser.logins.changed)
    await office.db.write(lambda tx: login_rows.put(tx, found))
    browser.logins.written(found, office.now())


async def guessed(office: Office, address: str, times: int) -> None:
    """Somebody has tried it on so many days, from another address each time."""
    now = office.now()
    await office.db.write(
        lambda tx: login_rows.put(
            tx,
            {
                Attempt(
                    now // DAY_MS - back, 0, address, "refused", "imap",
                    f"198.51.100.{back}", "password", 0,
                ): Counted(now - back * DAY_MS, now - back * DAY_MS, 7)
                for back in range(times)
            },
        )
    )  # fmt: skip


def test_a_person_sees_who_came_in_and_who_did_not(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        other = browser.another()
        await other.log_in(PERSON, "wrong")
        await other.log_in(ADMIN, "wrong")
        await write(browser, office)
        await browser.get(activity.HERE)
        assert "browser 127.0.0.1 own password logged in" in browser.text
        assert "browser 127.0.0.1 a password refused: wrong name or password" in browser.text
        assert "2 of 2 shown" in browser.text
        assert "own password everything 2026-09-21 14:13 2026-09-21 14:13, browser" in browser.text

    tell(database, data, story, logged_in=PERSON)


def test_a_person_sees_what_was_changed_and_by_whom(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await browser.get("/me")
        await browser.post("/me/devices", {"label": "<b>phone"})
        with acting(Actor("person", ADMIN, "192.0.2.9")):
            await forwards.change(office, PERSON, to=["a@elsewhere.test"], keep=None)
        await browser.get(activity.HERE)
        assert "Password for a device made you from 127.0.0.1 label: <b>phone" in browser.text
        assert f"Forwarding changed {ADMIN} to: a@elsewhere.test" in browser.text
        assert "192.0.2.9" not in browser.text  # an administrator is at home there
        assert "Account opened the server itself" in browser.text
        assert "password of <b>phone" in browser.text
        assert "never" in browser.text

    tell(database, data, story, logged_in=PERSON)


def test_what_was_sent_is_told_to_who_sent_it(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await submit(office, PERSON, "Lunch & more", ["friend@elsewhere.test"])
        await browser.get(activity.HERE)
        assert "Lunch & more friend@elsewhere.test: on its way" in browser.text
        other = browser.another()
        await other.log_in(ADMIN)
        await other.get(f"/admin/people/{PERSON}/activity")
        assert "Lunch" not in other.text
        assert f"/admin/trace?q={PERSON.replace('@', '%40')}" in other.page

    tell(database, data, story, logged_in=PERSON)


def test_older_ones_are_on_further_pages(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await guessed(office, PERSON, activity.SHOWN + 3)
        seen = set()
        following = activity.HERE
        for words in (f"{activity.SHOWN} of {activity.SHOWN + 3} shown", "3 of "):
            await browser.get(following)
            assert words in browser.text
            seen |= set(re.findall(r"198\.51\.100\.\d+", browser.text))
            found = re.search(r'href="([^"#]+)#logins">Older ones', browser.page)
            following = found[1].replace("&amp;", "&") if found else ""
        assert len(seen) == activity.SHOWN + 3
        assert not following
        assert "The newest" in browser.text
        assert "7 times since" in browser.text

    tell(database, data, story, logged_in=PERSON)


def test_an_administrator_sees_it_of_those_they_administer(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await guessed(office, PERSON, 1)
        await browser.get(f"/admin/people/{PERSON}")
        assert f"/admin/people/{PERSON}/activity" in browser.page
        await browser.get(f"/admin/people/{PERSON}/activity")
        assert "198.51.100.0 a password refused" in browser.text
        assert "not you" not in browser.text
        await roles.assign(office, PERSON, "admin", ["demo.test"])
        other = browser.another()
        await other.log_in(PERSON)
        assert (await other.get(f"/admin/people/{PERSON}/activity")).status == 200
        assert (await other.get(f"/admin/people/{ADMIN}/activity")).status == 403
        assert (await other.get("/admin/people/no@demo.test/activity")).status == 404

    tell(database, data, story)


@pytest.mark.parametrize("key", ["x", "[1]", '["2026",1]', "[" * 50])
def test_a_key_that_is_none_shows_the_newest(database: Opener, data: Path, key: str) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await guessed(office, PERSON, 1)
        said = await browser.get(f"{activity.HERE}?logins={key}&changes={key}")
        assert said.status == 200
        assert "198.51.100.0" in browser.text

    tell(database, data, story, logged_in=PERSON)


def test_the_password_alone_is_told_apart_from_a_login(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, clock: Clock) -> None:
        key, _codes = await enrol(browser, clock)
        other = browser.another()
        await other.log_in(PERSON, PASSWORD)
        await answer(other, "000000")
        await answer(other, code(key, clock, 1))
        await write(browser, office)
        await browser.get(activity.HERE)
        for words in ("second factor asked for", "code wrong", "password and code logged in"):
            assert words in browser.text, words

    tell(database, data, story, logged_in=PERSON)
