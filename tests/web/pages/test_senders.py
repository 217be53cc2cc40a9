from pathlib import Path

from postroom.admin import masks
from postroom.admin.filters import senders
from postroom.admin.office import Office
from tests.conftest import Opener
from tests.fakes import Clock
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
