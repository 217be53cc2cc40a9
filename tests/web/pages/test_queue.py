import html
import re
from pathlib import Path

from postroom.admin import queue
from postroom.admin.office import Office
from postroom.db.database import Tx
from postroom.db.ids import to_text
from tests.conftest import Opener
from tests.fakes import Clock
from tests.queue import letters
from tests.web.browser import Browser, tell


async def waiting(office: Office) -> str:
    """A letter for x@other.test; its queue id."""
    one = letters.letter(office.ids.next(), "x@other.test")

    def write(tx: Tx) -> None:
        letters.blobs(tx, [one])
        letters.add(tx, [one])

    await office.db.write(write)
    return to_text(one[0].id)


def test_a_letter_is_held_released_tried_and_removed(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await browser.get("/admin/queue")
        assert "Nothing waits" in browser.text
        ident = await waiting(office)
        await browser.get("/admin/queue?domain=other.test")
        assert ident in browser.text
        await browser.get("/admin/queue?domain=third.test")
        assert ident not in browser.text
        page = f"/admin/queue/{ident}"
        await browser.get(page)
        assert "x@other.test" in browser.text
        await browser.post(page, {"action": "hold"})
        assert (await queue.show(office, ident)).held
        await browser.get(page)
        assert "Release" in browser.text
        await browser.post(page, {"action": "release"})
        assert not (await queue.show(office, ident)).held
        await browser.get(page)
        assert (await browser.post(page, {"action": "explode"})).status == 400
        await browser.get(page)
        assert (await browser.post(page, {"action": "retry"})).status == 303
        await browser.get(page)
        await browser.post(page, {"action": "remove"})
        assert (await browser.get(page)).status == 404

    tell(database, data, story)


def test_many_letters_have_pages(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        last = [await waiting(office) for _ in range(103)][-1]
        await browser.get("/admin/queue?domain=other.test")
        assert "100 of 103 shown" in browser.text
        assert last not in browser.page
        (way,) = re.findall(
            r'href="(/admin/queue\?domain=other.test&amp;after[^"]+)"', browser.page
        )
        await browser.get(html.unescape(way))
        assert "3 of 103 shown" in browser.text
        assert last in browser.page

    tell(database, data, story)
