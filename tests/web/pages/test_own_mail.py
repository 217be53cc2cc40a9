import io
import zipfile
from pathlib import Path

from postroom.admin.jobs import views, wishes
from postroom.admin.office import Office
from tests.admin.jobs.working import work
from tests.conftest import Opener
from tests.fakes import Clock
from tests.web.browser import ADMIN, PERSON, Browser, tell

HERE = "/me/mail"
MBOX = b"From a@x.test Thu Nov 26 02:36:09 2026\nSubject: <b>x\n\nx\n"


def test_mail_is_brought_from_a_file_and_taken_away_again(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await browser.get(HERE)
        await browser.upload(f"{HERE}/file", {}, "Old.mbox", MBOX)
        await browser.get(HERE)
        assert "Import Old.mbox Waits for its turn" in browser.text
        await work(office)
        await browser.get(HERE)
        assert "Done. 1 message" in browser.text
        await browser.post(f"{HERE}/export", {"form": "mbox"})
        await work(office)
        await browser.get(HERE)
        assert "Download" in browser.text
        job = (await views.page(office, None)).items[0]
        said = await browser.get(f"{HERE}/file/{job.id}")
        assert said.headers["content-disposition"].startswith("attachment")
        assert said.headers["cache-control"] == "no-store"
        with zipfile.ZipFile(io.BytesIO(said.body)) as archive:
            assert b"Subject: <b>x" in archive.read("Old.mbox")
        other = browser.another()
        await other.log_in(ADMIN)  # an owner does not read the mail of others
        assert (await other.get(f"{HERE}/file/{job.id}")).status == 404
        await other.get(HERE)
        assert "Export" not in other.text.partition("Under way")[2].partition("Bring mail")[0]
        said = await other.post(f"{HERE}/jobs", {"id": job.id, "action": "remove"})
        assert said.status == 404
        await browser.get(HERE)
        await browser.post(f"{HERE}/jobs", {"id": job.id, "action": "remove"})
        assert (await browser.get(f"{HERE}/file/{job.id}")).status == 404

    tell(database, data, story, logged_in=PERSON)


def test_mail_comes_from_public_servers_only_and_by_tls(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await browser.get(HERE)
        assert "any_certificate" not in browser.page
        fields = {"host": "127.0.0.1", "login": "ann", "password": "s3cret", "tls": "implicit"}
        said = await browser.post(f"{HERE}/imap", {**fields, "any_certificate": "on"})
        assert said.status == 303
        await work(office)
        await browser.get(HERE)
        assert "127.0.0.1 has no public address" in browser.text
        assert "s3cret" not in browser.page
        for bad, words in (
            ({"tls": "maybe"}, "choose how the connection"),
            ({"host": ""}, "name the server"),
            ({"port": "x"}, "no whole number"),
            ({"tls": "none", "host": "imap.example.org"}, "in clear"),
        ):
            await browser.get(HERE)
            assert (await browser.post(f"{HERE}/imap", {**fields, **bad})).status == 400
            assert words in browser.text
        await browser.get(HERE)
        preset = {"preset": "gmail", "login": "a@gmail.com", "password": "x", "only": "INBOX"}
        assert (await browser.post(f"{HERE}/imap", preset)).status == 303
        job = (await views.page(office, None)).items[0]
        assert job.title == "Import from a@gmail.com at imap.gmail.com"

    tell(database, data, story, logged_in=PERSON)


def test_an_export_has_a_form_and_people_a_few_jobs(database: Opener, data: Path) -> None:
    async def story(browser: Browser, _office: Office, _clock: Clock) -> None:
        await browser.get(HERE)
        assert (await browser.post(f"{HERE}/export", {"form": "pst"})).status == 400
        for number in range(wishes.MOST_OPEN + 1):
            await browser.get(HERE)
            said = await browser.post(f"{HERE}/export", {"form": "maildir"})
            assert said.status == (303 if number < wishes.MOST_OPEN else 400)
        assert (await browser.get(f"{HERE}/file/0000000000000")).status == 404

    tell(database, data, story, logged_in=PERSON)
