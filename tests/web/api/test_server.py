"""The server through the API."""

from pathlib import Path

from tests.conftest import Opener
from tests.web.api.program import Program, tell


def test_how_it_does(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        found = await call.does("GET", "/overview")
        assert (found["domains"], found["accounts"], found["alerts"]) == (1, 2, [])
        judged = await call.does("GET", "/health")
        assert judged == found["health"]
        assert judged["score"] == 100 - sum(one["points"] for one in judged["lacks"]) < 100
        settings = await call.does("GET", "/config")
        assert settings["hostname"] == "mx.demo.test"
        assert await call.does("GET", "/certificates") == []
        assert (await call("POST", "/certificates/mx.demo.test/renew")).kind == "refused"
        assert (await call.does("GET", "/search"))["enabled"]

    tell(database, data, story)
