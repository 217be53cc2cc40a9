"""What is refused comes back as a sentence."""

from pathlib import Path

from postroom.admin.office import Office
from tests.conftest import Opener
from tests.fakes import Clock
from tests.web.browser import Browser, tell


def test_refusals_are_pages_with_their_status(database: Opener, data: Path) -> None:
    async def story(browser: Browser, _office: Office, _clock: Clock) -> None:
        for page, status, words in (
            ("/admin/people/nobody@demo.test", 404, "nobody@demo.test"),
            ("/admin/people/no-address", 400, "no-address"),
            ("/admin/domains/other.test", 404, "not a domain of this server"),
            ("/admin/queue/0000000000000", 404, "not in the queue"),
            ("/admin/queue?domain=a b", 400, "a b"),
        ):
            assert (await browser.get(page)).status == status, page
            assert words in browser.text
        await browser.get("/admin/domains")
        said = await browser.post("/admin/domains", {"name": "no name"})
        assert said.status == 400
        assert "Nothing was changed" in browser.text
        assert (await browser.get("/admin/nothing")).status == 404

    tell(database, data, story)
