"""Accounts through the API."""

from pathlib import Path

from postroom.admin import forwards
from postroom.admin.actor import Actor, acting
from tests.admin.bureau import logs_in
from tests.conftest import Opener
from tests.web.api.program import ADMIN, BOB, PASSWORD, Program, tell

EVE = "eve@demo.test"


def test_accounts_are_opened_and_closed(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        opened = await call("POST", "/accounts", {"address": EVE, "name": "Eve", "quota": 1000})
        assert (opened.status, opened.body["quota"]) == (201, 1000)
        assert await logs_in(call.office, EVE, opened.body["password"])
        mine = await call.does(
            "POST", "/accounts", {"address": "ann@demo.test", "password": "my own 1"}
        )
        assert mine["password"] == ""
        assert mine["warning"] == ""
        assert await logs_in(call.office, "ann@demo.test", "my own 1")
        changed = await call.does("PATCH", f"/accounts/{EVE}", {"quota": 0, "send_limit": 5})
        assert (changed["quota"], changed["send_limit"], changed["name"]) == (0, 5, "Eve")
        again = await call.does("PATCH", f"/accounts/{EVE}", {"send_limit": "default"})
        assert again["send_limit"] is None
        off = await call.does("PATCH", f"/accounts/{EVE}", {"disabled": True})
        assert off["state"] == "disabled"
        gone = await call.does("DELETE", f"/accounts/{EVE}")
        assert gone["address"] == EVE
        assert (await call.does("POST", f"/accounts/{EVE}/restore"))["lost"] == []
        await call.does("GET", f"/accounts/{EVE}")

    tell(database, data, story)


def test_roles(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        path = f"/accounts/{BOB}/role"
        assert (await call.does("GET", path))["role"] == "person"
        given = await call.does("PUT", path, {"role": "admin", "domains": ["demo.test"]})
        assert (given["role"], given["domains"]) == ("admin", ["demo.test"])
        await call.use("accounts:read", "accounts:write", domain="demo.test")
        assert (await call("PUT", path, {"role": "owner"})).kind == "scope"
        assert (await call("PUT", f"/accounts/{BOB}/password", {})).kind == "scope"
        assert (await call.does("GET", path))["role"] == "admin"

    tell(database, data, story)


def test_they_are_listed_in_pages(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        first = await call.does("GET", "/accounts?limit=1")
        assert ([one["address"] for one in first["items"]], first["total"]) == ([BOB], 2)
        second = await call("GET", f"/accounts?limit=1&after={first['next']}")
        assert ([one["address"] for one in second.body["items"]]) == [ADMIN]
        assert second.body["next"] == ""

    tell(database, data, story)


def test_addresses_and_forwards(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        path = f"/accounts/{BOB}"
        more = await call.does("POST", f"{path}/addresses", {"address": "rob@demo.test"})
        assert more["addresses"] == ["rob@demo.test"]
        assert (await call.does("DELETE", f"{path}/addresses/rob@demo.test"))["addresses"] == []
        sent = await call.does("PUT", f"{path}/forward", {"to": ["x@far.test"], "keep": False})
        assert (sent["to"], sent["keeps_copy"]) == (["x@far.test"], False)
        assert (await call.does("GET", f"{path}/forward")) == sent
        assert (await call.does("DELETE", f"{path}/forward"))["to"] == []
        named = await call.does("POST", f"{path}/rename", {"new": "b@demo.test", "keep_old": True})
        assert named["address"] == "b@demo.test"

    tell(database, data, story)


def test_whose_name_they_send_in(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        path = f"/accounts/{BOB}/send-as"
        assert (await call.does("POST", path, {"what": "@demo.test"}))["send_as"] == ["@demo.test"]
        assert (await call.does("GET", path))["account"] == BOB
        assert (await call.does("DELETE", f"{path}/@demo.test"))["send_as"] == []
        assert not (await call.does("POST", f"/accounts/{BOB}/release"))["was_stopped"]
        assert await logs_in(call.office, BOB, PASSWORD)

    tell(database, data, story)


def test_what_has_happened_with_an_account(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        await call.does("PATCH", f"/accounts/{BOB}", {"name": "Rob"})
        found = await call.does("GET", f"/accounts/{BOB}/changes?limit=1")
        assert ([one["action"] for one in found["items"]], found["total"]) == (
            ["account.change"],
            2,
        )
        rest = await call.does("GET", f"/accounts/{BOB}/changes?after={found['next']}")
        assert [one["action"] for one in rest["items"]] == ["account.add"]
        assert await call.does("GET", f"/accounts/{BOB}/logins") == {
            "items": [],
            "total": 0,
            "next": "",
        }
        assert (await call("GET", "/accounts/no@demo.test/logins")).status == 404
        with acting(Actor("person", BOB)):
            await forwards.change(call.office, ADMIN, to=["x@elsewhere.test"], keep=None)
        assert (await call.does("GET", f"/accounts/{BOB}/changes"))["total"] == 3
        await call.use("accounts:read", "audit:read", domain="demo.test")
        found = await call.does("GET", f"/accounts/{BOB}/changes")
        assert {one["object"] for one in found["items"]} == {BOB}
        assert (await call("GET", "/accounts/ann@other.test/logins")).kind == "limit"
        await call.use("accounts:read")
        assert (await call("GET", f"/accounts/{BOB}/changes")).kind == "scope"

    tell(database, data, story)
