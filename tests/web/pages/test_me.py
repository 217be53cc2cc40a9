from pathlib import Path

from postroom.admin import accounts
from postroom.admin.office import Office
from tests.admin.bureau import logs_in
from tests.conftest import Opener
from tests.directory.test_login import Elsewhere
from tests.fakes import Clock
from tests.web.browser import PASSWORD, PERSON, Browser, tell


def test_a_person_sees_what_there_is(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await browser.get("/me")
        assert "Used 0 B in 0 messages" in browser.text
        assert "Forwards to nobody Change" in browser.text
        assert "Junk: messages are deleted 30 days after they came there Trash:" in browser.text
        assert "<meter" not in browser.page
        await accounts.change(office, PERSON, quota=1 << 30)
        await browser.get("/me")
        assert "of 1 GB in 0 messages" in browser.text
        assert "<meter" in browser.page

    tell(database, data, story, logged_in=PERSON)


def test_a_password_is_changed_by_who_knows_it_and_ends_all_sessions(
    database: Opener, data: Path
) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        new = "another-One-2"
        for fields, words in (
            ({"present": "wrong", "new": new, "again": new}, "that you have now is not right"),
            ({"present": PASSWORD, "new": new, "again": "other"}, "same twice"),
            ({"present": PASSWORD, "new": "short", "again": "short"}, "fewer than 8 characters"),
            ({"present": PASSWORD, "new": "Passw0rd1", "again": "Passw0rd1"}, "tries first"),
        ):
            await browser.get("/me")
            assert (await browser.post("/me/password", fields)).status == 400
            assert words in browser.text
            assert await logs_in(office, PERSON, PASSWORD)
        await browser.get("/me")
        said = await browser.post("/me/password", {"present": PASSWORD, "new": new, "again": new})
        assert said.headers["location"] == "/#changed"
        assert await logs_in(office, PERSON, new)
        assert await office.db.read(lambda tx: tx.one("SELECT count(*) FROM web_session")) == (0,)

    tell(database, data, story, logged_in=PERSON)


def test_who_guesses_is_told_to_wait_and_not_that_it_was_wrong(
    database: Opener, data: Path
) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        new = "another-One-2"
        for _ in range(50):
            await browser.get("/me")
            await browser.post("/me/password", {"present": "wrong", "new": new, "again": new})
            if "too many attempts: wait" in browser.text:
                break
        await browser.get("/me")
        right = {"present": PASSWORD, "new": new, "again": new}
        assert (await browser.post("/me/password", right)).status == 400
        assert "too many attempts: wait a minute" in browser.text
        assert await logs_in(office, PERSON, PASSWORD)

    tell(database, data, story, logged_in=PERSON)


def test_a_password_that_is_known_elsewhere_is_changed_there(database: Opener, data: Path) -> None:
    outside = Elsewhere()
    outside.known = {"ann@demo.test": "theirs-1"}

    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await accounts.add(office, "ann@demo.test", password=None)
        said = await browser.log_in("ann@demo.test", "theirs-1")
        assert said.headers["location"] == "/mail"
        assert (await browser.get("/me")).status == 200
        assert "changed there" in browser.text
        assert "New password" not in browser.text
        fields = {"present": "theirs-1", "new": "another-One-2", "again": "another-One-2"}
        assert (await browser.post("/me/password", fields)).status == 400
        assert not await logs_in(office, "ann@demo.test", "another-One-2")
        outside.is_down = True
        other = browser.another()
        said = await other.log_in("ann@demo.test", "another")
        assert (said.status, "try again" in other.text) == (503, True)
        assert (await browser.get("/me")).status == 200

    tell(database, data, story, logged_in="", outside=outside)
