import html
import re
from pathlib import Path

import pytest

from postroom.admin import masks, spam
from postroom.admin.filters import senders
from postroom.admin.mailboxes import digest
from postroom.admin.office import Office
from postroom.web.pages import senders as module
from tests.conftest import Opener
from tests.fakes import Clock
from tests.store.refused import keep
from tests.web.browser import ADMIN, PERSON, Browser, tell

HERE = "/me/senders"


def test_a_masked_address_is_made_and_switched(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await browser.get(HERE)
        await browser.post(f"{HERE}/masks", {"label": "shop <b>"})
        (one,) = [mask async for mask in masks.every(office, PERSON)]
        assert (one.label, one.is_on) == ("shop <b>", True)
        await browser.get(HERE)
        assert one.address in browser.text
        assert "shop <b>" in browser.text
        await browser.post(f"{HERE}/masks", {"mask": one.address, "state": "off"})
        assert [mask.is_on async for mask in masks.every(office, PERSON)] == [False]
        await browser.get(HERE)
        await browser.post(f"{HERE}/masks", {"mask": one.address, "state": "on"})
        assert [mask.is_on async for mask in masks.every(office, PERSON)] == [True]

    tell(database, data, story, logged_in=PERSON)


def test_what_is_somebody_elses_stays_as_it_is(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        theirs = await masks.add(office, ADMIN, label="mine")
        await browser.get(HERE)
        assert theirs.address not in browser.page
        said = await browser.post(f"{HERE}/masks", {"mask": theirs.address, "state": "off"})
        assert said.status == 400
        assert [mask.is_on async for mask in masks.every(office, ADMIN)] == [True]
        await browser.get(HERE)
        said = await browser.post(f"{HERE}/rejects", {"id": "0000000000000", "release": "1"})
        assert said.status == 404

    tell(database, data, story, logged_in=PERSON)


def test_senders_are_blocked_and_trusted(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await browser.get(HERE)
        await browser.post(f"{HERE}/lists", {"list": "block", "sender": "*.spam.test"})
        await browser.get(HERE)
        await browser.post(f"{HERE}/lists", {"list": "allow", "sender": "a@friend.test"})
        assert (await senders.show(office, PERSON, "block")).senders == ("*.spam.test",)
        assert (await senders.show(office, PERSON, "allow")).senders == ("a@friend.test",)
        await browser.get(HERE)
        fields = {"list": "block", "sender": "*.spam.test", "remove": "1"}
        await browser.post(f"{HERE}/lists", fields)
        assert (await senders.show(office, PERSON, "block")).senders == ()
        for bad in ({"list": "other", "sender": "a@b.test"}, {"list": "block", "sender": "a b"}):
            await browser.get(HERE)
            assert (await browser.post(f"{HERE}/lists", bad)).status == 400

    tell(database, data, story, logged_in=PERSON)


def test_how_strict_the_filter_is(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await browser.get(HERE)
        assert '<option value="normal" selected>' in browser.page
        await browser.post(f"{HERE}/junk", {"level": "strict"})
        assert (await spam.status(office, PERSON)).level == "strict"
        await browser.get(HERE)
        assert '<option value="strict" selected>' in browser.page
        assert (await browser.post(f"{HERE}/junk", {"level": "wild"})).status == 400
        assert (await spam.status(office, PERSON)).level == "strict"
        assert (await spam.status(office, ADMIN)).level == "normal"

    tell(database, data, story, logged_in=PERSON)


def test_many_masks_and_rejects_have_pages(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SHOWN", 2)

    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        (ident,) = await office.db.read(
            lambda tx: tx.all("SELECT account_id FROM address WHERE canonical = 'bob'")
        )
        for _ in range(3):
            await masks.add(office, PERSON)
            await keep(office.store, ident[0])
        await browser.get(HERE)
        assert browser.text.count("2 of 3 shown.") == 2
        first = re.findall(r"<code>(.*?)</code>", browser.page)
        ways = re.findall(r'href="(/me/senders[?][^"#]*)#(\w+)">Older ones', browser.page)
        assert [anchor for _, anchor in ways] == ["masks", "refused"]
        await browser.get(html.unescape(ways[0][0]))
        assert "1 of 3 shown." in browser.text
        assert not set(first) & set(re.findall(r"<code>(.*?)</code>", browser.page))
        await browser.get(html.unescape(ways[1][0]))
        assert browser.text.count("Hello") == 1

    tell(database, data, story, logged_in=PERSON)


def test_somebody_is_told_of_what_was_kept_back(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await browser.get("/me/senders")
        assert "as the postmaster says: never" in browser.text
        said = await browser.post("/me/senders/digest", {"often": "weekly"})
        assert (said.status, said.headers["location"]) == (303, "/me/senders#digest")
        assert (await digest.show(office, PERSON)).often == "weekly"
        await browser.get("/me/senders")
        assert '<option value="weekly" selected>' in browser.page
        assert (await browser.post("/me/senders/digest", {"often": "hourly"})).status == 400

    tell(database, data, story, logged_in=PERSON)
