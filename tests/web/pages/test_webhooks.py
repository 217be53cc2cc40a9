from collections.abc import Mapping
from pathlib import Path

import pytest

from postroom.admin import webhooks
from postroom.admin.office import Office
from tests.conftest import Opener
from tests.fakes import Clock
from tests.web.browser import PERSON, Browser, tell

HERE = "/admin/webhooks"
URL = "https://127.0.0.1/x?<b>"


async def send(browser: Browser, path: str, fields: Mapping[str, str]) -> int:
    await browser.get(HERE)
    return (await browser.post(path, fields)).status


def test_one_is_added_and_its_secret_shown_once(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await browser.get(HERE)
        assert "None." in browser.text
        fields = {"url": URL, "message.bounced": "on", "peer.banned": "on", "account": PERSON}
        assert await send(browser, HERE, fields) == 200
        assert "whsec_" in browser.page
        (one,) = await webhooks.every(office)
        assert (one.url, one.events) == (URL, ("message.bounced", "peer.banned"))
        assert one.within == PERSON
        await browser.get(f"{HERE}/{one.id}")
        assert "a message can't be delivered message.bounced" in browser.text
        assert "whsec_" not in browser.page
        assert "?<b>" not in browser.page
        assert await send(browser, HERE, {"url": URL, "all": "on", "domain": "demo.test"}) == 200
        await browser.get(HERE)
        assert "all demo.test 0 none yet" in browser.text
        await browser.get("/admin/audit")
        assert "webhook.add" in browser.text
        assert "whsec_" not in browser.page

    tell(database, data, story)


def test_it_is_tried_switched_off_and_removed(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        made = await webhooks.add(office, URL, ["*"])
        one = f"{HERE}/{made.id}"
        assert await send(browser, f"{one}/test", {}) == 200
        assert "It does not work: " in browser.text  # the address is this machine
        assert "webhook.test 1 " in browser.text
        assert await send(browser, f"{one}/state", {"state": "off"}) == 303
        await browser.get(HERE)
        assert "switched off" in browser.text
        assert [hook.is_on for hook in await webhooks.every(office)] == [False]
        await browser.get(one)
        assert "Switch on" in browser.text
        assert await send(browser, f"{one}/state", {"state": "on"}) == 303
        assert [hook.is_on for hook in await webhooks.every(office)] == [True]
        assert await send(browser, f"{one}/remove", {}) == 303
        assert await webhooks.every(office) == []
        for path in (one, f"{HERE}/nonsense"):
            assert (await browser.get(path)).status == 404
        assert await send(browser, f"{one}/state", {"state": "on"}) == 404

    tell(database, data, story)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"url": "http://x.test/", "all": "on"}, "a webhook has an https address"),
        ({"url": URL}, "name an event"),
        ({"url": URL, "all": "on", "domain": "far.test"}, "far.test"),
        ({"url": URL, "all": "on", "domain": "demo.test", "account": PERSON}, "not to both"),
    ],
)
def test_what_is_wrong_adds_nothing(
    database: Opener, data: Path, fields: Mapping[str, str], words: str
) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        assert await send(browser, HERE, fields) in {400, 404}
        assert words in browser.text
        assert await webhooks.every(office) == []

    tell(database, data, story)
