"""Reports through the API."""

from pathlib import Path

from tests.conftest import Opener
from tests.web.api.program import Program, tell


def test_reports(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        assert await call.does("GET", "/reports?domain=demo.test") == {
            "items": [], "total": 0, "next": "",
        }  # fmt: skip
        assert (await call.does("GET", "/reports"))["total"] == 0
        assert (await call("GET", "/reports/x")).kind == "not-found"
        assert (await call("GET", "/reports?domain=..")).kind == "invalid"

    tell(database, data, story)
