"""The directory as one document, through the API."""

from pathlib import Path

from tests.conftest import Opener
from tests.web.api.program import BOB, Program, tell


def test_there_and_back(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        whole = await call.does("GET", "/directory")
        assert [one["address"] for one in whole["account"]] == [BOB, "root@demo.test"]
        assert (await call.does("POST", "/directory?prune=true", whole))["steps"] == []
        more = {"alias": [{"address": "all@demo.test", "targets": [BOB]}]}
        (step,) = (await call.does("POST", "/directory?dry=true", more))["steps"]
        assert (step["action"], step["name"]) == ("add", "all@demo.test")
        assert (await call.does("GET", "/aliases"))["total"] == 0
        assert not (await call.does("POST", "/directory", more))["dry"]
        assert (await call.does("GET", "/aliases"))["total"] == 1
        wrong = await call("POST", "/directory", {"alias": [{"adress": "x"}]})
        assert wrong.body["path"] == "$.alias[0]"
        await call.use("accounts:write")
        assert (await call("POST", "/directory", more)).kind == "scope"

    tell(database, data, story)
