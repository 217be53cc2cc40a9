"""Who may call, for what, with what limits, how often."""

from pathlib import Path

from postroom.admin import accounts, aliases, domains
from postroom.config.api import Api
from postroom.telemetry.session_events import LoginFailed
from tests.conftest import Opener
from tests.directory.keys import quick
from tests.fakes import Recorder
from tests.web.api.program import ADMIN, BOB, Program, tell

ABROAD = "192.0.2.77"


def test_nobody_calls_without_a_token(database: Opener, data: Path, events: Recorder) -> None:
    async def story(call: Program) -> None:
        nobody = await call("GET", "/domains")
        assert (nobody.status, nobody.kind) == (401, "token-missing")
        assert nobody.said.headers["www-authenticate"].startswith("Bearer")
        basic = await call("GET", "/domains", headers={"authorization": "Basic eDp5"})
        assert basic.kind == "token-missing"
        call.token = "postroom_" + "0" * 32
        wrong = await call("GET", "/domains")
        assert (wrong.status, wrong.kind) == (401, "token-unknown")
        assert 'error="invalid_token"' in wrong.said.headers["www-authenticate"]
        (failed,) = events.of(LoginFailed)
        assert (failed.door, failed.mechanism) == ("api", "BEARER")
        assert call.token not in str(failed)

    tell(database, data, story, scopes=())


def test_guessing_ends_in_a_ban(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        good, call.token = call.token, "guess"
        for _ in range(10):
            assert (await call("GET", "/domains", client=ABROAD)).kind == "token-unknown"
        banned = await call("GET", "/domains", client=ABROAD)
        assert (banned.status, banned.kind) == (403, "banned")
        call.token = good
        assert (await call("GET", "/domains", client=ABROAD)).kind == "banned"
        assert (await call("GET", "/domains", client="192.0.2.78")).status == 200

    tell(database, data, story)


def test_scopes(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        await call.does("GET", "/accounts")
        lacking = await call("DELETE", f"/accounts/{BOB}")
        assert (lacking.status, lacking.kind) == (403, "scope")
        assert "lacks the scope accounts:write" in lacking.body["detail"]
        assert (await call("GET", "/domains")).kind == "scope"
        assert (await call("POST", "/accounts", raw=b"no json")).kind == "scope"
        await accounts.show(call.office, BOB)

    tell(database, data, story, scopes=["accounts:read"])


def test_a_token_of_a_domain_reaches_only_it(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        office = call.office
        await domains.add(office, "demo.test.example", generate=quick)
        await accounts.add(office, "eve@demo.test.example", password="long enough")
        await accounts.add_address(office, "eve@demo.test.example", "eve@demo.test")
        await domains.add(office, "alias.test", alias_of="demo.test", generate=quick)
        await aliases.add(office, "all@demo.test.example", [BOB])
        await call.use(*(f"{one}:{v}" for one in ("accounts", "aliases", "domains", "server")
                         for v in ("read", "write")), domain="demo.test")  # fmt: skip
        listed = await call.does("GET", "/accounts?search=demo.test")
        assert ([one["address"] for one in listed["items"]], listed["total"]) == ([BOB, ADMIN], 2)
        assert (await call.does("GET", "/aliases"))["total"] == 0
        assert (await call.does("GET", "/domains/demo.test"))["name"] == "demo.test"
        assert (await call.does("GET", "/accounts/bob@alias.test"))["address"] == BOB
        for method, path, body in (
            ("GET", "/accounts/eve@demo.test.example", None),
            ("GET", "/accounts/eve@demo.test", None),  # a further address of another's
            ("PATCH", "/accounts/eve@demo.test", {"quota": 1}),
            ("POST", "/accounts", {"address": "new@demo.test.example"}),
            ("POST", f"/accounts/{BOB}/rename", {"new": "bob@demo.test.example"}),
            ("POST", f"/accounts/{BOB}/addresses", {"address": "b@demo.test.example"}),
            ("POST", f"/accounts/{BOB}/send-as", {"what": "@demo.test.example"}),
            ("DELETE", "/aliases/all@demo.test.example", None),
            ("GET", "/domains", None),
            ("GET", "/domains/other.test", None),
            ("GET", "/domains/..", None),
            ("POST", "/domains", {"name": "more.test"}),
            ("DELETE", "/domains/alias.test", None),
            ("GET", "/overview", None),
        ):
            answer = await call(method, path, body)
            assert (answer.status, answer.kind) == (403, "limit"), path
            assert "limited to demo.test" in answer.body["detail"]
        await call.does("POST", "/accounts", {"address": "new@demo.test"})
        await call.does("POST", "/aliases", {"address": "all@demo.test", "targets": [BOB]})

    tell(database, data, story, scopes=())


def test_a_token_of_an_account_reaches_only_it(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        await call.use("accounts:read", "accounts:write", account=BOB)
        assert (await call.does("GET", f"/accounts/{BOB}"))["name"] == "Bob"
        await call.does("PATCH", f"/accounts/{BOB}", {"name": "Bobby"})
        for method, path, body in (
            ("GET", f"/accounts/{ADMIN}", None),
            ("GET", "/accounts/nobody@demo.test", None),
            ("GET", "/accounts", None),
            ("POST", "/accounts", {"address": "new@demo.test"}),
            ("POST", f"/accounts/{BOB}/rename", {"new": "rob@demo.test"}),
        ):
            assert (await call(method, path, body)).kind == "limit", path
        await accounts.change(call.office, BOB, disabled=True)
        assert (await call("GET", f"/accounts/{BOB}")).kind == "token-unknown"

    tell(database, data, story, scopes=())


def test_only_admin_tokens_change_administrators(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        for method, path, body in (
            ("PUT", f"/accounts/{ADMIN}/password", {}),
            ("POST", f"/accounts/{ADMIN}/app-passwords", {"label": "x"}),
            ("PATCH", f"/accounts/{BOB}", {"admin": True}),
            ("POST", "/accounts", {"address": "new@demo.test", "admin": True}),
            ("GET", "/tokens", None),
        ):
            answer = await call(method, path, body)
            assert answer.kind == "scope", path
            assert "lacks the scope admin" in answer.body["detail"]
        assert not (await accounts.show(call.office, BOB)).admin
        await call.does("GET", f"/accounts/{ADMIN}")
        await call.use("admin")
        await call.does("PATCH", f"/accounts/{BOB}", {"admin": True})
        await call.does("PUT", f"/accounts/{ADMIN}/password", {})

    tell(database, data, story, scopes=["accounts:read", "accounts:write"])


def test_a_token_may_call_so_often(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        for _ in range(3):
            await call.does("GET", "/domains")
        over = await call("GET", "/domains")
        assert (over.status, over.kind) == (429, "too-many-calls")
        assert over.said.headers["retry-after"] == "5"
        mine = call.token
        await call.use("admin")
        await call.does("GET", "/domains")
        call.token = mine
        call.clock.now += 60_000
        await call.does("GET", "/domains")

    tell(database, data, story, api=Api(calls_per_minute=3))
