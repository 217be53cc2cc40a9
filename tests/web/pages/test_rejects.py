from pathlib import Path

from postroom.admin.mailboxes import rejects
from postroom.admin.office import Office
from tests.admin.test_reach import number
from tests.conftest import Opener
from tests.fakes import Clock
from tests.store.refused import keep
from tests.web.browser import PERSON, Browser, tell

HERE = "/admin/rejects"


def test_a_message_is_found_read_and_let_in(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await browser.get(HERE)
        assert "Nothing was refused." in browser.text
        bob = await number(office, PERSON)
        await keep(office.store, bob, kind="spam")
        await keep(office.store, bob, kind="malware")
        await browser.get(f"{HERE}?q=block+list")
        assert "malware : on the block list" in browser.text
        assert "2 of 2 shown" in browser.text
        await browser.get(f"{HERE}?q=%3Cb%3E")
        assert "Nothing that was refused has that in it." in browser.text
        assert "<b>" not in browser.page.partition("<main")[2]
        bad, spam = [one.id async for one in rejects.every(office, PERSON)]

        await browser.get(f"{HERE}/{PERSON}/{spam}")
        assert "Refused as spam: on the block list" in browser.text
        assert "Return-Path: <a@x.test>" in browser.text
        assert "body" not in browser.page.partition("<main")[2].partition("</main")[0]
        said = await browser.post(f"{HERE}/{PERSON}/{spam}", {"release": "1"})
        assert (said.status, said.headers["location"]) == (303, HERE)
        await browser.get(f"{HERE}/{PERSON}/{bad}")
        assert "it holds malware" in browser.text
        said = await browser.post(f"{HERE}/{PERSON}/{bad}", {"release": "1"})
        assert said.status == 400
        await browser.get(HERE)
        await browser.post(f"{HERE}/{PERSON}/{bad}", {})
        assert [one async for one in rejects.every(office, PERSON)] == []
        assert (await browser.get(f"{HERE}/{PERSON}/{bad}")).status == 404
        await browser.get("/admin/audit")
        for words in ("reject.look block list", f"reject.read {PERSON}", "reject.release"):
            assert words in browser.text, words

    tell(database, data, story)
