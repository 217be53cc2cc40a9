from pathlib import Path

from postroom.admin.jobs import views
from postroom.admin.office import Office
from tests.admin.jobs.working import work
from tests.conftest import Opener
from tests.fakes import Clock
from tests.net.imap_server import Box, ImapServer, Message
from tests.net.street import HOST
from tests.web.browser import PERSON, Browser, tell

HERE = "/admin/import"
MBOX = b"From a@x.test Thu Nov 26 02:36:09 2026\nSubject: x\n\nx\n"
LIST = b"address,password\n<b>@demo.test,x\nnew@demo.test,long enough 1\n"


def test_an_owner_brings_mail_for_a_person(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await browser.get(f"{HERE}?account={PERSON}")
        assert f'value="{PERSON}"' in browser.page
        await browser.upload(f"{HERE}/file", {"account": PERSON}, "Old.mbox", MBOX)
        async with ImapServer(
            {b"INBOX": Box([Message(1, b"A: b\r\n\r\nx\r\n")])}
        ).running() as there:
            await browser.get(HERE)
            fields = {
                "account": PERSON, "host": HOST, "port": str(there.port), "tls": "none",
                "login": "ann", "password": there.password, "into": "Far",
            }  # fmt: skip
            assert (await browser.post(f"{HERE}/imap", fields)).status == 303
            await work(office)
            await work(office)
        await browser.get(HERE)
        assert browser.text.count(f"for {PERSON} Done. 1 message") == 2
        assert there.password not in browser.page
        await browser.get("/admin/audit")
        assert "import.imap" in browser.text
        assert there.password not in browser.page
        await browser.get(HERE)
        said = await browser.upload(f"{HERE}/file", {"account": "no@demo.test"}, "a", MBOX)
        assert said.status == 404

    tell(database, data, story)


def test_accounts_are_made_after_a_look(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await browser.get(HERE)
        said = await browser.upload(f"{HERE}/accounts", {"form": "csv"}, "people.csv", LIST)
        assert said.status == 303
        await work(office)
        await browser.get(HERE)
        assert "Nothing is made yet. 1 would be made" in browser.text
        assert "new@demo.test" in browser.text
        assert "<b>@" not in browser.page
        assert "long enough" not in browser.page
        (job,) = (await views.page(office, None)).items
        assert (await browser.post(f"{HERE}/make", {"id": job.id})).status == 303
        await work(office)
        await browser.get(HERE)
        assert "1 were made" in browser.text
        assert "Make them" not in browser.text
        assert await office.directory.password("new@demo.test", "long enough 1", "imap")
        assert (await browser.post(f"{HERE}/make", {"id": job.id})).status == 400
        await browser.get(HERE)
        for form, domain in (("word", ""), ("csv", "no domain")):
            await browser.get(HERE)
            fields = {"form": form, "domain": domain}
            said = await browser.upload(f"{HERE}/accounts", fields, "people.csv", LIST)
            assert said.status == 400
        await browser.get(HERE)
        said = await browser.post(f"{HERE}/jobs", {"id": job.id, "action": "remove"})
        assert said.status == 303

    tell(database, data, story)
