"""Tokens through the API."""

from pathlib import Path

from tests.conftest import Opener
from tests.web.api.program import Program, tell


def test_tokens_make_tokens(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        made = await call("POST", "/tokens", {"name": "ci", "scopes": ["domains:read"]})
        assert made.status == 201
        assert (await call.does("GET", "/tokens"))["total"] == 2
        mine, call.token = call.token, made.body["token"]
        await call.does("GET", "/domains")
        assert (await call("GET", "/tokens")).kind == "scope"
        call.token = mine
        await call.does("DELETE", "/tokens/ci")
        call.token = made.body["token"]
        assert (await call("GET", "/domains")).kind == "token-unknown"

    tell(database, data, story)
