"""Aliases through the API."""

from pathlib import Path

from tests.conftest import Opener
from tests.web.api.program import BOB, Program, tell


def test_aliases(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        made = await call("POST", "/aliases", {"address": "all@demo.test", "targets": [BOB]})
        assert (made.status, made.body["targets"][0]["kind"]) == (201, "account")
        more = await call.does(
            "PATCH", "/aliases/all@demo.test", {"add_targets": ["x@far.test"], "hidden": True}
        )
        assert [one["address"] for one in more["targets"]] == [BOB, "x@far.test"]
        assert more["hidden"]
        listed = await call.does("GET", "/aliases?search=all")
        assert (listed["total"], listed["items"][0]["targets"]) == (1, [BOB, "x@far.test"])
        named = await call.does("POST", "/aliases/all@demo.test/rename", {"new": "us@demo.test"})
        assert named == await call.does("GET", "/aliases/us@demo.test")
        await call.does("DELETE", "/aliases/us@demo.test")
        assert (await call.does("GET", "/aliases"))["total"] == 0

    tell(database, data, story)
