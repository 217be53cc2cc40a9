"""Bans through the API."""

from pathlib import Path

from tests.conftest import Opener
from tests.web.api.program import Program, tell


def test_bans(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        made = await call.does("POST", "/bans", {"network": "192.0.2.0/24", "hours": 2})
        assert (made["by_hand"], made["until"] is None) == (True, False)
        await call.does("POST", "/bans", {"network": "198.51.100.7", "reason": "x"})
        first = await call.does("GET", "/bans?limit=1")
        assert (first["items"][0]["network"], first["total"]) == ("192.0.2.0/24", 2)
        rest = await call("GET", f"/bans?after={first['next'].replace(' ', '%20')}")
        assert [one["network"] for one in rest.body["items"]] == ["198.51.100.7/32"]
        assert len(await call.does("POST", "/bans/remove", {"network": "192.0.2.0/24"})) == 1
        assert (await call("POST", "/bans/remove", {"network": "192.0.2.0/24"})).kind == "not-found"
        assert (await call("POST", "/bans", {"network": "0.0.0.0/0"})).kind == "invalid"
        call.clock.advance(days=1)
        assert (await call.does("GET", "/bans"))["total"] == 1

    tell(database, data, story)
