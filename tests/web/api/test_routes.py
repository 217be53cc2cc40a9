"""From a request to an operation: paths, methods, bodies, queries."""

import urllib.parse
from pathlib import Path

import pytest

from postroom.config.api import Api
from tests.conftest import Opener
from tests.web.api.program import Program, tell
from tests.web.asking import ask

JSON = {"content-type": "application/json"}


def test_paths_and_methods(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        assert (await call("GET", "/nothing")).kind == "not-found"
        assert (await call("GET", "/")).kind == "not-found"
        wrong = await call("PUT", "/domains", {})
        assert wrong.kind == "method"
        assert wrong.said.headers["allow"] == "GET, POST"
        assert wrong.status == 405
        head = await call("HEAD", "/domains")
        assert (head.status, head.said.headers["cache-control"]) == (200, "no-store")

    tell(database, data, story)


def test_bodies_are_strict(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        unknown = await call("POST", "/domains", {"name": "x.test", "extra": 1})
        assert (unknown.status, unknown.kind) == (422, "invalid")
        assert "`extra`" in unknown.body["detail"]
        typed = await call("POST", "/accounts", {"address": "a@demo.test", "quota": "much"})
        assert typed.body["path"] == "$.quota"
        assert "openapi.json" in typed.body["detail"]
        absent = await call("POST", "/domains", {})
        assert "`name`" in absent.body["detail"]
        broken = await call("POST", "/domains", raw=b"{", headers=JSON)
        assert (broken.status, broken.kind) == (400, "malformed")
        latin = await call("POST", "/domains", raw=b'{"name": "\xe9.test"}', headers=JSON)
        assert latin.status == 400
        form = await call("POST", "/domains", raw=b"name=x", headers={"content-type": "text/x"})
        assert (form.status, form.kind) == (415, "media-type")
        assert "application/json" in form.body["detail"]
        large = await call("POST", "/domains", raw=b" " * (1 << 20) + b"{}", headers=JSON)
        assert (large.status, large.kind) == (413, "too-large")
        assert (await call.does("GET", "/domains"))["total"] == 1

    tell(database, data, story)


def test_queries_are_strict(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        for query in ("?limit=0", "?limit=501", "?limit=x", "?other=1", "?limit=1&limit=2"):
            assert (await call("GET", f"/accounts{query}")).kind == "invalid", query
        assert len((await call.does("GET", "/accounts?limit=1&search="))["items"]) == 1
        for query in (f"?{'a=1&' * 101}", "?search=%00", f"?{'&' * 200}"):
            assert (await call("GET", f"/accounts{query}")).kind == "invalid", query

    tell(database, data, story)


@pytest.mark.parametrize(
    "after", ["[" * 5_000, f"[{1 << 70}]", f"[{-1 << 70}]", '["\\u0000", "", 0]', '["\\u0000"]']
)
def test_what_is_no_place_in_a_list_is_its_beginning(
    database: Opener, data: Path, after: str
) -> None:
    async def story(call: Program) -> None:
        query = f"?after={urllib.parse.quote(after)}"
        for path in ("/accounts", "/domains", "/audit", "/queue", "/tokens", "/bans", "/reports"):
            assert await call.does("GET", path + query) == await call.does("GET", path)

    tell(database, data, story)


def test_what_admin_refuses_is_a_problem(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        gone = await call("GET", "/accounts/eve@demo.test")
        assert (gone.status, gone.kind) == (404, "not-found")
        assert gone.body["title"] == "There is no such thing"
        assert "postroom account list" in gone.body["detail"]
        taken = await call("POST", "/accounts", {"address": "bob@demo.test"})
        assert (taken.status, taken.kind) == (409, "already-exists")
        bad = await call("POST", "/accounts", {"address": "bob@@x"})
        assert (bad.status, bad.kind) == (422, "invalid")
        full = await call("DELETE", "/domains/demo.test")
        assert (full.status, full.kind) == (409, "refused")

    tell(database, data, story)


def test_it_can_be_switched_off(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        said = await ask(call.application, "/api/v1/openapi.json")
        assert (said.status, said.body) == (404, b"Not Found")

    tell(database, data, story, api=Api(enabled=False))
