"""Rules, vacations and scripts through the API."""

from pathlib import Path

from tests.conftest import Opener
from tests.web.api.program import BOB, Program, tell

PATH = f"/accounts/{BOB}"


def test_rules(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        rule = {
            "conditions": [{"field": "subject", "test": "contains", "value": "invoice"}],
            "actions": [{"kind": "move", "value": "Invoices"}],
        }
        await call.does("POST", f"{PATH}/rules", rule)
        any_of = {**rule, "match": "any", "number": 1, "actions": [{"kind": "discard"}]}
        two = await call.does("POST", f"{PATH}/rules", any_of)
        assert [one["match"] for one in two["rules"]] == ["any", "all"]
        moved = await call.does("POST", f"{PATH}/rules/1/move", {"to": 2})
        assert [one["match"] for one in moved["rules"]] == ["all", "any"]
        assert len((await call.does("DELETE", f"{PATH}/rules/2"))["rules"]) == 1
        assert len((await call.does("GET", f"{PATH}/rules"))["rules"]) == 1
        assert (await call("DELETE", f"{PATH}/rules/9")).kind == "not-found"
        assert (await call("DELETE", f"{PATH}/rules/x")).kind == "invalid"
        wrong = {**rule, "conditions": [{"field": "moon", "test": "is", "value": "full"}]}
        assert (await call("POST", f"{PATH}/rules", wrong)).kind == "invalid"

    tell(database, data, story)


def test_vacation(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        assert (await call("GET", f"{PATH}/vacation")).kind == "not-found"
        put = await call.does("PUT", f"{PATH}/vacation", {"text": "Away.", "ends": "2026-12-31"})
        assert (put["ends"], put["days"]) == ("2026-12-31", 7)
        assert await call.does("GET", f"{PATH}/vacation") == put
        assert (await call("DELETE", f"{PATH}/vacation")).status == 204
        assert (await call("DELETE", f"{PATH}/vacation")).kind == "not-found"

    tell(database, data, story)


def test_scripts(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        path = f"{PATH}/scripts"
        put = await call.does("PUT", f"{path}/main", {"text": "keep;", "active": True})
        assert (put["name"], put["active"]) == ("main", True)
        assert (await call("PUT", f"{path}/bad", {"text": "keep"})).kind == "invalid"
        await call.does("PUT", f"{path}/other", {"text": "discard;"})
        assert (await call.does("GET", f"{path}/other"))["text"] == "discard;"
        await call.does("POST", f"{path}/other/activate")
        listed = await call.does("GET", path)
        assert {one["name"]: one["active"] for one in listed} == {"main": False, "other": True}
        assert (await call("POST", f"{path}/deactivate")).status == 204
        assert (await call.does("POST", f"{path}/main/rename", {"new": "old"}))["name"] == "old"
        assert (await call("DELETE", f"{path}/old")).status == 204
        assert (await call("GET", "/accounts/global/scripts")).status in {200, 403}

    tell(database, data, story)
