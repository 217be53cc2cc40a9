from pathlib import Path

from postroom.admin import lists
from postroom.admin.lists import Changes
from postroom.admin.office import Office
from postroom.db.database import Tx
from postroom.directory import list_keys, list_members
from postroom.directory.lists import require
from tests.conftest import Opener
from tests.directory.town import at
from tests.fakes import Clock
from tests.web.asking import Said
from tests.web.browser import Browser, tell


async def link(office: Office, address: str) -> str:
    """The link in what this member gets."""

    def read(tx: Tx) -> int:
        found = list_members.find(tx, require(tx, at("dev@demo.test")).id, at(address))
        assert found is not None
        return found.id

    ident = await office.directory.look(read)
    leave = list_keys.signed("leave", ident, office.directory.secrets.srs)
    return f"/lists/leave/{leave.partition('-')[2]}"


def test_one_click_takes_a_member_out_and_a_look_does_not(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await lists.add(office, "dev@demo.test", Changes())
        await lists.add_members(office, "dev@demo.test", ["a@else.example", "b@else.example"])
        stranger = browser.another()
        path = await link(office, "a@else.example")
        assert (await stranger.get(path)).status == 200
        assert "Leave dev@demo.test?" in stranger.text
        assert (await lists.show(office, "dev@demo.test")).members == 2
        said: Said = await stranger.post(
            path, {"List-Unsubscribe": "One-Click"}, origin="https://mail.else.example"
        )
        assert said.status == 200
        assert "You have left dev@demo.test" in stranger.text
        left = [one.address async for one in lists.members(office, "dev@demo.test")]
        assert left == ["b@else.example"]
        assert (await stranger.get(path)).status == 404
        assert (await stranger.post(path, {})).status == 200

    tell(database, data, story)


def test_a_link_that_is_made_up_leads_nowhere(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await lists.add(office, "dev@demo.test", Changes())
        await lists.add_members(office, "dev@demo.test", ["a@else.example"])
        good = await link(office, "a@else.example")
        for path in ("/lists/leave/x", good[:-1] + ("a" if good[-1] != "a" else "b"), good + "a"):
            assert (await browser.another().get(path)).status == 404
            await browser.another().post(path, {})
        assert (await lists.show(office, "dev@demo.test")).members == 1

    tell(database, data, story)
