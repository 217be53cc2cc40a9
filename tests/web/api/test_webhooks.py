"""Webhooks through the API."""

from pathlib import Path

from tests.conftest import Opener
from tests.web.api.program import Program, tell


def test_webhooks(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        made = await call("POST", "/webhooks", {"url": "https://127.0.0.1/x", "events": ["*"]})
        assert (made.status, made.body["secret"][:6]) == (201, "whsec_")
        (listed,) = await call.does("GET", "/webhooks")
        assert (listed["id"], "secret" in listed) == (made.body["id"], False)
        tried = await call.does("POST", f"/webhooks/{listed['id']}/test")
        assert not tried["is_good"]
        off = await call.does("PATCH", f"/webhooks/{listed['id']}", {"is_on": False})
        assert (off["id"], off["is_on"]) == (listed["id"], False)
        await call.does("DELETE", f"/webhooks/{listed['id']}")
        assert (await call("DELETE", f"/webhooks/{listed['id']}")).kind == "not-found"

    tell(database, data, story)
