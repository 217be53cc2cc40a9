from pathlib import Path

from postroom.admin.filters import scripts
from postroom.admin.filters.scripts import GLOBAL
from postroom.admin.office import Office
from tests.conftest import Opener
from tests.fakes import Clock
from tests.web.browser import Browser, tell

HERE = "/admin/script"


def test_the_script_of_the_site_is_written_and_switched_off(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await browser.get(HERE)
        assert "It does not run." in browser.text
        said = await browser.post(HERE, {"text": "keep;", "name": "site"})
        assert said.headers["location"] == f"{HERE}#done"
        await browser.get(HERE)
        assert "It runs now." in browser.text
        said = await browser.post(HERE, {"text": "<nonsense>;", "name": "site"})
        assert said.status == 400
        assert "line 1" in browser.text
        assert "<nonsense>;" in browser.text
        assert await scripts.text(office, GLOBAL, "site") == "keep;"
        await browser.post(HERE, {"off": "1"})
        (one,) = await scripts.every(office, GLOBAL)
        assert not one.active
        await browser.get(HERE)
        assert "keep;" in browser.text  # it is there to be switched on again

    tell(database, data, story)


def test_the_one_that_runs_is_shown_whatever_it_is_called(database: Opener, data: Path) -> None:
    async def story(browser: Browser, office: Office, _clock: Clock) -> None:
        await scripts.put(office, GLOBAL, "site", b"discard;")
        await scripts.put(office, GLOBAL, "ours", b"keep;", active=True)
        await browser.get(HERE)
        assert 'value="ours"' in browser.page
        assert "discard;" not in browser.page

    tell(database, data, story)
