"""Files of strangers are stored only for who may, within bounds, and leave nothing behind."""

from pathlib import Path

import msgspec
import pytest

from postroom.admin.jobs import views
from postroom.admin.office import Office
from postroom.blobs.disk import Disk
from postroom.config.uploads import Uploads
from postroom.web import uploads
from tests.conftest import Opener
from tests.fakes import Clock
from tests.web.browser import CONFIG, PERSON, Browser, tell

MBOX = b"From a@x.test Thu Nov 26 02:36:09 2026\nSubject: x\n\nx\n"
PAGE, FILE = "/me/mail", "/me/mail/file"
SMALL = msgspec.structs.replace(CONFIG, uploads=Uploads(max_size=1000))


def left(office: Office) -> list[str]:
    folder = office.config.folder / "jobs"
    return [str(one) for one in folder.rglob("*")] if folder.exists() else []


def test_a_file_is_stored_for_its_job_readable_by_nobody_else(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await browser.get(PAGE)
        octets = MBOX * 20_000  # larger than what is written together
        said = await browser.upload(FILE, {"into": "Old"}, "../Mail <1>.mbox", octets)
        assert (said.status, said.headers["location"]) == (303, f"{PAGE}#jobs")
        (job,) = (await views.page(office, None)).items
        assert (job.title, job.account) == ("Import Mail _1_.mbox", PERSON)
        path = office.config.folder / "jobs" / job.id / "upload" / "Mail _1_.mbox"
        assert path.read_bytes() == octets
        assert path.parent.parent.stat().st_mode & 0o077 == 0
        assert not uploads._UNDER_WAY

    tell(database, data, story, logged_in=PERSON)


def test_nothing_is_stored_before_the_word_of_the_page_is_known(
    database: Opener, data: Path
) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await browser.get(PAGE)
        for csrf in ("wrong", None):
            said = await browser.upload(FILE, {}, "a.mbox", MBOX, csrf=csrf)
            assert said.status == 403
            assert "the page was old" in browser.text
        said = await browser.upload(FILE, {}, "a.mbox", MBOX, is_file_first=True)
        assert said.status == 403
        for headers in ({"sec_fetch_site": "cross-site"}, {"origin": "https://evil.test"}):
            await browser.get(PAGE)
            said = await browser.upload(FILE, {}, "a.mbox", MBOX, headers=headers)
            assert said.status == 403
            assert "another site" in browser.text
        nobody = browser.another()
        assert (await nobody.upload(FILE, {}, "a.mbox", MBOX)).status == 303
        assert (await views.page(office, None)).total == 0
        assert left(office) == []

    tell(database, data, story, logged_in=PERSON)


def test_what_is_too_large_is_refused_and_removed(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        for octets, headers in (
            (bytes(1001), {}),
            (b"x", {"content_length": str(1 << 40)}),
            (bytes(1 << 20), {}),
        ):
            await browser.get(PAGE)
            said = await browser.upload(FILE, {}, "a.mbox", octets, headers=headers)
            assert said.status == 413
            assert "the most that this server takes" in browser.text
        await browser.get(PAGE)
        assert (await browser.upload(FILE, {"into": "x" * 300_000}, "a", MBOX)).status == 413
        await browser.get(PAGE)
        assert (await browser.upload(FILE, {}, "a", bytes(1000))).status == 303
        assert len(left(office)) == 3

    tell(database, data, story, logged_in=PERSON, config=SMALL)


@pytest.mark.parametrize(
    ("config", "reserve", "words"),
    [
        (msgspec.structs.replace(CONFIG, uploads=Uploads(max_size=0)), 0, "takes no uploads"),
        (CONFIG, 1 << 60, "the disk of the server has no room"),
    ],
)
def test_a_server_without_room_takes_nothing(
    database: Opener, data: Path, config: object, reserve: int, words: str
) -> None:
    async def story(browser: Browser, office: Office, clock: Clock) -> None:
        office.blobs.disk = Disk(data, reserve, clock)
        await browser.get(PAGE)
        assert (await browser.upload(FILE, {}, "a", MBOX)).status == 400
        assert words in browser.text
        assert left(office) == []

    tell(database, data, story, logged_in=PERSON, config=config)  # type: ignore[arg-type]


def test_one_file_of_a_person_is_taken_at_a_time(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        identity = await office.directory.password(PERSON, "a-Good-one-1", "web")
        assert identity is not None
        for busy, words in (
            ({identity.account_id}, "another file of yours"),
            (set(range(-8, 0)), "too many files"),
        ):
            monkeypatch.setattr(uploads, "_UNDER_WAY", busy)
            await browser.get(PAGE)
            assert (await browser.upload(FILE, {}, "a", MBOX)).status == 400
            assert words in browser.text
        assert left(office) == []

    tell(database, data, story, logged_in=PERSON)


def test_forms_that_break_off_or_hold_no_file_change_nothing(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        for name, octets in (("", b""), ("a.mbox", b"")):
            await browser.get(PAGE)
            assert (await browser.upload(FILE, {}, name, octets)).status == 400
            assert "choose a file first" in browser.text
        await browser.get(PAGE)
        assert (await browser.upload(FILE, {}, "a.mbox", MBOX, cut=20)).status == 400
        assert "broke off" in browser.text
        await browser.get(PAGE)
        assert (await browser.post(FILE, {"file": "x"})).status == 400
        assert "it is no form with a file" in browser.text
        await browser.get(PAGE)
        assert (await browser.upload(FILE, {"into": "a//b"}, "a.mbox", MBOX)).status == 400
        assert (await views.page(office, None)).total == 0
        assert left(office) == []

    tell(database, data, story, logged_in=PERSON)
