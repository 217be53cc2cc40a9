from pathlib import Path

from starlette.routing import Route

from postroom.admin.office import Office
from tests.conftest import Opener
from tests.fakes import Clock
from tests.web.browser import Browser, tell


def test_no_two_pages_want_the_same_request(database: Opener, data: Path) -> None:
    async def story(browser: Browser, _office: Office, _clock: Clock) -> None:
        asked = [
            (method, route.path)
            for route in browser.routes
            if isinstance(route, Route)
            for method in route.methods or ()
        ]
        assert len(asked) == len(set(asked))
        assert {("GET", "/"), ("GET", "/admin"), ("GET", "/me"), ("POST", "/logout")} <= set(asked)

    tell(database, data, story)
