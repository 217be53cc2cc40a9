from pathlib import Path

from postroom.admin import domains, roles
from postroom.admin.office import Office
from tests.conftest import Opener
from tests.directory.keys import quick
from tests.fakes import Clock
from tests.web.browser import ADMIN, PERSON, Browser, tell

HERE = f"/admin/people/{PERSON}"


def test_an_owner_gives_roles_and_keeps_their_own(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await domains.add(office, "other.test", generate=quick)
        await browser.get(HERE)
        fields = {"role": "admin", "domains": "demo.test, other.test"}
        assert (await browser.post(f"{HERE}/role", fields)).status == 303
        found = await roles.show(office, PERSON)
        assert (found.role, found.domains) == ("admin", ("demo.test", "other.test"))
        await browser.get(HERE)
        assert "admin of demo.test, other.test" in browser.text
        await browser.post(f"{HERE}/role", {"role": "person", "domains": "demo.test"})
        assert (await roles.show(office, PERSON)).role == "person"
        for page, fields in (
            (HERE, {"role": "king"}),
            (HERE, {"role": "admin"}),
            (f"/admin/people/{ADMIN}", {"role": "person"}),
            (f"/admin/people/{ADMIN.upper()}", {"role": "person"}),
        ):
            await browser.get(HERE)
            assert (await browser.post(f"{page}/role", fields)).status == 400, fields
        assert (await roles.show(office, ADMIN)).role == "owner"

    tell(database, data, story)
