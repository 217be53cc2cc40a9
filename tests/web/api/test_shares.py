"""Shares through the API."""

from pathlib import Path

from tests.conftest import Opener
from tests.web.api.program import ADMIN, BOB, Program, tell


def test_shares(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        path = f"/accounts/{BOB}/shares"
        whole = await call.does("POST", path, {"grantee": ADMIN, "rights": "read"})
        assert (whole["owner"], whole["mailbox"], whole["access"]) == (BOB, "", "read")
        inbox = {"grantee": ADMIN, "rights": "write", "mailbox": "INBOX"}
        assert (await call.does("POST", path, inbox))["mailbox"] == "INBOX"
        assert len(await call.does("GET", path)) == 2
        await call.does("POST", f"{path}/remove", {"grantee": ADMIN, "mailbox": "INBOX"})
        await call.does("POST", f"{path}/remove", {"grantee": ADMIN})
        assert (await call("POST", f"{path}/remove", {"grantee": ADMIN})).kind == "not-found"

    tell(database, data, story)
