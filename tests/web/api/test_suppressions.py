"""Suppression lists through the API, and what a program hears that sends."""

from pathlib import Path

import pytest

from tests.conftest import Opener
from tests.web.api.program import BOB, Program, tell

PATH = f"/accounts/{BOB}/suppressions"


def test_a_list_is_read_and_changed(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        await call.use("mail:read", "mail:write", account=BOB)
        view = await call.does("POST", PATH, {"addresses": ["b@far.test", "A@far.test"]})
        assert view == {"account": BOB, "scope": "api", "chosen": "default", "addresses": 2}
        first = await call.does("GET", f"{PATH}?limit=1")
        assert ([one["address"] for one in first["items"]], first["total"]) == (["a@far.test"], 2)
        rest = await call.does("GET", f"{PATH}?limit=1&after={first['next']}")
        assert ([one["address"] for one in rest["items"]], rest["next"]) == (["b@far.test"], "")
        found = await call.does("GET", f"{PATH}?search=b")
        assert [one["address"] for one in found["items"]] == ["b@far.test"]
        assert (await call.does("GET", f"{PATH}/b@FAR.test"))["kind"] == "hand"
        assert (await call.does("DELETE", f"{PATH}/b@far.test"))["addresses"] == 1
        for method in ("GET", "DELETE"):
            answer = await call(method, f"{PATH}/b@far.test")
            assert (answer.status, answer.kind) == (404, "not-found")
        about = f"/accounts/{BOB}/suppression"
        assert (await call.does("PUT", about, {"scope": "off"}))["scope"] == "off"
        assert (await call.does("GET", about))["chosen"] == "off"
        other = await call("GET", "/accounts/root@demo.test/suppressions")
        assert other.status == 403

    tell(database, data, story)


@pytest.mark.parametrize("body", [{}, {"addresses": []}, {"addresses": ["x"]}])
def test_what_makes_no_sense(database: Opener, data: Path, body: object) -> None:
    async def story(call: Program) -> None:
        assert (await call("POST", PATH, body)).status == 422

    tell(database, data, story)


def test_who_sends_hears_of_all_that_are_on_the_list(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        await call.does("POST", PATH, {"addresses": ["a@far.test", "b@far.test"]})
        message = {
            "from": {"address": BOB}, "to": ["c@far.test", "b@far.test"], "cc": ["A@far.test"],
            "text": "Hello",
        }  # fmt: skip
        answer = await call("POST", "/messages", message)
        assert (answer.status, answer.kind) == (422, "suppressed")
        assert answer.body["faults"] == ["b@far.test", "a@far.test"]
        assert answer.body["path"] == "$.to"
        assert "b@far.test is on the suppression list of bob@demo.test" in answer.body["detail"]
        await call.does("PUT", f"/accounts/{BOB}/suppression", {"scope": "off"})
        assert (await call("POST", "/messages", message)).status == 202
        await call.does("PUT", f"/accounts/{BOB}/suppression", {"scope": "all"})
        await call.does("DELETE", f"{PATH}/a@far.test")
        await call.does("DELETE", f"{PATH}/b@far.test")
        assert (await call("POST", "/messages", message)).status == 202
        refused = await call("POST", "/messages", {**message, "to": ["nobody@demo.test"]})
        assert refused.kind == "refused"

    tell(database, data, story)


def test_the_lists_of_a_domain(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        await call.does("POST", PATH, {"addresses": ["b@far.test", "a@far.test"]})
        await call.use("domains:read", "domains:write")
        about, path = "/domains/demo.test/suppression", "/domains/demo.test/suppressions"
        view = await call.does("GET", about)
        assert view == {"domain": "demo.test", "shared": False, "accounts": 1, "addresses": 2}
        assert (await call.does("PUT", about, {"shared": True}))["shared"] is True
        first = await call.does("GET", f"{path}?limit=1")
        assert [(one["account"], one["address"]) for one in first["items"]] == [(BOB, "a@far.test")]
        rest = await call.does("GET", f"{path}?limit=1&after={first['next']}")
        assert ([one["address"] for one in rest["items"]], rest["next"]) == (["b@far.test"], "")
        assert [one["kind"] for one in await call.does("GET", f"{path}/B@far.test")] == ["hand"]
        assert (await call.does("DELETE", f"{path}/b@far.test"))["addresses"] == 1
        for method in ("GET", "DELETE"):
            assert (await call(method, f"{path}/b@far.test")).status == 404
        assert (await call("PUT", about, {"shared": "x"})).status == 422
        await call.use("mail:read", "mail:write", account=BOB)
        assert (await call("GET", path)).status == 403

    tell(database, data, story)
