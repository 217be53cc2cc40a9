"""Mailing lists through the API."""

from pathlib import Path

from tests.conftest import Opener
from tests.web.api.program import BOB, Program, tell


def test_lists(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        made = await call("POST", "/lists", {"address": "dev@demo.test", "owners": [BOB]})
        assert (made.status, made.body["owners"], made.body["posting"]) == (201, [BOB], "members")
        await call.does("PATCH", "/lists/dev@demo.test", {"posting": "anyone", "name": "Dev"})
        more = await call.does(
            "PATCH",
            "/lists/dev@demo.test/members",
            {"add": [BOB, "x@far.test", "y@far.test"], "remove": ["y@far.test"], "suspend": [BOB]},
        )
        assert (more["members"], more["posting"], more["name"]) == (2, "anyone", "Dev")
        found = await call.does("GET", "/lists/dev@demo.test/members?limit=1")
        assert (found["total"], found["items"][0]["suspended"]) == (2, True)
        await call.does("PATCH", "/lists/dev@demo.test/members", {"resume": [BOB]})
        found = await call.does("GET", f"/lists/dev@demo.test/members?search={BOB}")
        assert not found["items"][0]["suspended"]
        assert (await call.does("GET", "/lists?search=dev"))["total"] == 1
        assert await call.does("GET", "/lists/dev@demo.test/held") == []
        for word in ("accept", "reject"):
            said = await call("POST", f"/lists/dev@demo.test/held/0000000000000/{word}", {})
            assert said.status == 404
        named = await call.does("POST", "/lists/dev@demo.test/rename", {"new": "us@demo.test"})
        assert named == await call.does("GET", "/lists/us@demo.test")
        await call.does("DELETE", "/lists/us@demo.test")
        assert (await call.does("GET", "/lists"))["total"] == 0

    tell(database, data, story)


def test_a_token_of_a_domain_sees_its_own_lists(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        await call.does("POST", "/domains", {"name": "other.test"})
        for address in ("dev@demo.test", "dev@other.test"):
            await call.does("POST", "/lists", {"address": address})
        await call.use("aliases:write", "aliases:read", domain="demo.test")
        found = await call.does("GET", "/lists")
        assert [one["address"] for one in found["items"]] == ["dev@demo.test"]
        assert (await call("GET", "/lists/dev@other.test")).status in {403, 404}
        assert (await call("POST", "/lists", {"address": "a@other.test"})).status in {403, 404}

    tell(database, data, story)
