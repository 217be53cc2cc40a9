"""The audit log through the API, and what the API leaves in it."""

from pathlib import Path

from tests.conftest import Opener
from tests.web.api.program import BOB, Program, tell


def test_tokens_are_actors(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        await call.does("PATCH", f"/accounts/{BOB}", {"quota": 7, "name": "Rob"})
        found = await call.does("GET", f"/audit?of={BOB}&limit=1")
        (one,) = found["items"]
        assert (one["actor_kind"], one["action"], one["object"]) == ("token", "account.change", BOB)
        assert (one["actor"].startswith("t"), one["origin"]) == (True, "127.0.0.1")
        assert one["detail"] == {"name": "Rob", "quota": 7}
        assert found["total"] == 2
        assert (await call.does("GET", f"/audit?actor={one['actor']}"))["total"] == 1
        assert (await call.does("GET", "/audit?since=2999-01-01T00:00:00Z"))["total"] == 0
        assert call.token not in str(await call.does("GET", "/audit"))

    tell(database, data, story)
