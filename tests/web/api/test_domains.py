"""Domains through the API."""

from pathlib import Path

from tests.conftest import Opener
from tests.web.api.program import Program, tell


def test_domains_are_added_changed_and_removed(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        added = await call("POST", "/domains", {"name": "Größe.test"})
        assert (added.status, added.body["ascii"]) == (201, "xn--gre-6ka8i.test")
        assert len(added.body["dkim"]) == 2
        await call.does("POST", "/domains", {"name": "other.test", "alias_of": "demo.test"})
        first = await call.does("GET", "/domains?limit=2")
        assert (len(first["items"]), first["total"]) == (2, 3)
        rest = await call.does("GET", f"/domains?after={first['next']}")
        assert ([one["name"] for one in rest["items"]], rest["next"]) == (["größe.test"], "")
        assert (await call.does("GET", "/domains?search=other"))["total"] == 1
        changed = await call.does(
            "PATCH", "/domains/demo.test", {"catch_all": "bob@demo.test", "dots": "ignored"}
        )
        assert (changed["catch_all"], changed["dots"]) == ("bob@demo.test", "ignored")
        assert (await call.does("PATCH", "/domains/demo.test", {"catch_all": ""}))[
            "catch_all"
        ] == ""
        shown = await call.does("GET", "/domains/demo.test")
        assert (shown["accounts"], shown["alias_domains"]) == (2, ["other.test"])
        assert (await call("PATCH", "/domains/demo.test", {"catchall": ""})).kind == "invalid"
        renamed = await call.does("POST", "/domains/größe.test/rename", {"new": "new.test"})
        assert renamed["name"] == "new.test"
        assert (await call.does("DELETE", "/domains/new.test"))["name"] == "new.test"

    tell(database, data, story)


def test_a_journal(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        path = "/domains/demo.test/journal"
        assert (await call.does("PUT", path, {"address": "a@vault.test"}))["journal"] == (
            "a@vault.test"
        )
        assert (await call.does("GET", "/domains/demo.test"))["journal"] == "a@vault.test"
        assert (await call("PUT", path, {})).kind == "invalid"
        assert (await call.does("PUT", path, {"address": ""}))["journal"] == ""

    tell(database, data, story)


def test_keys_and_records(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        keys = await call.does("GET", "/domains/demo.test/dkim")
        assert {one["algorithm"] for one in keys} == {"rsa", "ed25519"}
        assert len(await call.does("POST", "/domains/demo.test/dkim/rotate", {})) == 4
        records = await call.does("GET", "/domains/demo.test/dns")
        assert "MX" in {one["type"] for one in records}
        assert {one["state"] for one in records} == {None}

    tell(database, data, story)
