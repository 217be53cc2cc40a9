"""Retention through the API."""

from pathlib import Path

from tests.conftest import Opener
from tests.web.api.program import BOB, Program, tell


def test_retention(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        path = f"/accounts/{BOB}/retention"
        found = {one["mailbox"]: one for one in await call.does("GET", path)}
        assert found["Junk"] == {"mailbox": "Junk", "days": 30, "by": "settings", "most": 30}
        assert found["Sent"]["days"] == 0
        said = await call.does("PUT", path, {"mailbox": "Junk", "days": 60})
        assert (said["days"], said["by"], said["most"]) == (60, "postmaster", 60)
        assert (await call("PUT", path, {"mailbox": "Junk"})).kind == "invalid"
        assert (await call("PUT", path, {"mailbox": "Junk", "days": -1})).status == 422
        await call.use("accounts:read", "accounts:write", account=BOB)
        assert (await call.does("PUT", path, {"mailbox": "Junk", "days": 9}))["by"] == "owner"
        assert (await call("PUT", path, {"mailbox": "Junk", "days": 61})).status == 409
        assert (await call.does("PUT", path, {"mailbox": "Junk", "days": None}))["days"] == 60

    tell(database, data, story)
