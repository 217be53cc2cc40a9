from pathlib import Path

import msgspec

from postroom.admin.office import Office
from postroom.config.model import Listen
from tests.conftest import Opener
from tests.fakes import Clock
from tests.post.office import row_counts
from tests.web.browser import CONFIG, PERSON, Browser, tell


def test_a_dialogue_is_answered_and_nothing_is_kept(database: Opener, data: Path) -> None:
    text = (
        "EHLO c.example\r\nMAIL FROM:<a@c.example>\r\nRCPT TO:<no@demo.test>\r\n"
        f"RCPT TO:<{PERSON}>\r\nDATA\r\nSubject: <b>\r\n\r\nHi\r\n.\r\n"
    )

    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await browser.get("/admin/session")
        assert "RCPT TO:<root@demo.test>" in browser.text
        before = await office.db.read(row_counts)
        fields = {"text": text, "address": "192.0.2.1", "door": "smtp"}
        assert (await browser.post("/admin/session", fields)).status == 200
        assert "550 5.1.1" in browser.text
        assert "250 2.0.0 Accepted in a rehearsal: nothing is kept" in browser.text
        assert "filed in mailboxes: 1" in browser.text
        assert "Subject: <b>" in browser.text
        fields["door"] = "submissions"
        await browser.post("/admin/session", fields)
        assert "530 5.7.0" in browser.text  # log in first
        assert await office.db.read(row_counts) == before
        for wrong, status in (({"door": "imaps"}, 404), ({"address": "x"}, 400)):
            await browser.get("/admin/session")
            assert (await browser.post("/admin/session", {**fields, **wrong})).status == status

    smtp = Listen(protocol="smtp", port=25)
    tell(
        database, data, story,
        config=msgspec.structs.replace(CONFIG, listen=(*CONFIG.listen, smtp)),
    )  # fmt: skip
