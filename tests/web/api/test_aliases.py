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


def test_a_token_of_a_domain_is_told_nothing_of_others(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        await call.does("POST", "/domains", {"name": "other.test"})
        eve = {"address": "eve@other.test", "name": "Eve E"}
        await call.does("POST", "/accounts", eve)
        hidden = {"address": "secret@other.test", "targets": [BOB], "hidden": True}
        await call.does("POST", "/aliases", hidden)
        await call.does("POST", "/aliases", {"address": "us@demo.test", "targets": [BOB]})
        whole = await call.does("GET", f"/accounts/{BOB}")
        assert sorted(whole["named_by"]) == ["secret@other.test", "us@demo.test"]
        await call.use("accounts:write", "accounts:read", "aliases:write", domain="demo.test")
        both = {"address": "x@demo.test", "targets": ["eve@other.test", BOB, "no@other.test"]}
        made = await call.does("POST", "/aliases", both)
        assert [(one["kind"], one["name"]) for one in made["targets"]] == [
            ("remote", ""), ("account", "Bob"), ("remote", ""),
        ]  # fmt: skip
        assert "secret@other.test" not in (await call.does("GET", f"/accounts/{BOB}"))["named_by"]
        gone = await call.does("DELETE", f"/accounts/{BOB}")
        assert sorted(gone["named_by"]) == ["us@demo.test", "x@demo.test"]

    tell(database, data, story)
