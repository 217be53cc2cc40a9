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


def test_a_file_is_taken_as_well_and_its_faults_are_told(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        head = {"content-type": "application/toml"}
        file = f'# mine\n[[alias]]\naddress = "all@demo.test"\ntargets = ["{BOB}"]\n'
        done = await call("POST", "/directory", raw=file.encode(), headers=head)
        assert [one["name"] for one in done.body["steps"]] == ["all@demo.test"]
        wrong = file.replace("all", "b") + '[[account]]\naddress = "a@no.test"\n'
        wrong = wrong.replace(BOB, "none@demo.test")
        answer = await call("POST", "/directory", raw=wrong.encode(), headers=head)
        assert (answer.status, answer.kind) == (422, "invalid")
        assert [one.partition(": ")[0] for one in answer.body["faults"]] == [
            "the document, line 5", "the document, line 2",
        ]  # fmt: skip
        items = {"account": [{"address": "a@no.test"}, {"address": "x", "quota": -1}]}
        answer = await call("POST", "/directory?dry=true", items)
        assert [one.partition(": ")[0] for one in answer.body["faults"]] == [
            "account[0]", "account[1]",
        ]  # fmt: skip
        answer = await call("POST", "/directory", raw=b"[[alias", headers=head)
        assert (answer.status, "is no TOML" in answer.body["detail"]) == (422, True)
        answer = await call("POST", "/directory", raw=b"#\n\xff", headers=head)
        assert answer.body["detail"].startswith("the document, line 2: the file is not UTF-8")
        await call.does("POST", "/directory", {"account": [{"address": "new@demo.test"}]})
        done = await call.does("POST", "/directory", {"account": [{"address": "two@demo.test"}]})
        assert "postroom account password two@demo.test" in done["next"][0]

    tell(database, data, story)
