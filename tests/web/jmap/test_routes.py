"""HTTP around JMAP: what is answered where, and each request that comes to nothing."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from postroom.web.jmap.limits import MAX_LARGE, MAX_REQUEST, MAX_REQUESTS
from postroom.web.jmap.method import Call, Result
from postroom.web.jmap.methods import METHODS
from tests.conftest import Opener
from tests.web.jmap.client import CORE, Client, tell

NOTHING: dict[str, Any] = {"using": [], "methodCalls": []}


def test_paths(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        well_known = await client.http("GET", "/.well-known/jmap")
        assert well_known.body == (await client.http("GET", "/jmap/session")).body
        assert "no-store" in well_known.said.headers["cache-control"]
        assert (await client.http("GET", "/jmap/nothing")).status == 404
        assert (await client.http("GET", "/jmap")).status == 404
        assert (await client.http("GET", "/jmap/api")).status == 405
        assert (await client.http("POST", "/jmap/session", {})).status == 405
        assert (await client.http("POST", "/jmap/api", NOTHING)).status == 200

    tell(database, data, story)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("application/json", 200), ("Application/JSON; charset=utf-8", 200),
        ('application/json;charset="UTF-8"', 200), ("application/json; charset=latin-1", 400),
        ("text/plain", 400), ("", 400), ("application/json-seq", 400),
    ],
)  # fmt: skip
def test_content_types(kind: str, status: int, database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        found = await client.http("POST", "/jmap/api", NOTHING, headers={"content-type": kind})
        assert found.status == status
        if status != 200:
            assert found.problem == "notJSON"

    tell(database, data, story)


def test_problems_of_requests(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        async def problem(raw: bytes) -> tuple[str, str]:
            found = await client.http("POST", "/jmap/api", raw=raw)
            assert found.status == 400
            return found.problem, found.body.get("limit", "")

        assert await problem(b"{") == ("notJSON", "")
        assert await problem(b"[]") == ("notRequest", "")
        unknown = {"using": ["urn:x"], "methodCalls": []}
        assert await problem(json.dumps(unknown).encode()) == ("unknownCapability", "")
        many = {"using": [CORE], "methodCalls": [["Core/echo", {}, "c"]] * 33}
        assert await problem(json.dumps(many).encode()) == ("limit", "maxCallsInRequest")
        large = b" " * (MAX_REQUEST + 1)
        assert await problem(large) == ("limit", "maxSizeRequest")
        told = await client.http(
            "POST", "/jmap/api", raw=b"{}", headers={"content-length": str(MAX_REQUEST + 1)}
        )
        assert (told.problem, told.body["limit"]) == ("limit", "maxSizeRequest")
        assert (await client.http("POST", "/jmap/api", NOTHING)).status == 200

    tell(database, data, story)


def test_requests_at_a_time(database: Opener, data: Path, monkeypatch: Any) -> None:
    async def story(client: Client) -> None:
        begun, ended = asyncio.Semaphore(0), asyncio.Event()

        async def wait(_call: Call) -> Result:
            begun.release()
            await ended.wait()
            return {}

        monkeypatch.setitem(METHODS, "Slow/get", (CORE, wait))
        running = [
            asyncio.create_task(client.responses(["Slow/get", {}])) for _ in range(MAX_REQUESTS)
        ]
        for _ in running:
            await begun.acquire()
        refused = await client.http("POST", "/jmap/api", NOTHING)
        assert (refused.status, refused.problem) == (400, "limit")
        assert refused.body["limit"] == "maxConcurrentRequests"
        bob = await client.another("bob@demo.test")
        assert await bob.call("Core/echo")
        ended.set()
        assert [(await one)[0][0] for one in running] == ["Slow/get"] * MAX_REQUESTS
        assert (await client.http("POST", "/jmap/api", NOTHING)).status == 200

    tell(database, data, story)


@pytest.mark.parametrize("size", [65_536, 65_537, 70_000, 140_000])
def test_requests_around_the_size_of_large_ones(size: int, database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        raw = json.dumps(NOTHING).encode()
        found = await client.http("POST", "/jmap/api", raw=raw + b" " * (size - len(raw)))
        assert (found.status, found.body["methodResponses"]) == (200, [])

    tell(database, data, story)


def test_large_requests_at_a_time(database: Opener, data: Path, monkeypatch: Any) -> None:
    async def story(client: Client) -> None:
        begun, ended = asyncio.Semaphore(0), asyncio.Event()

        async def wait(call: Call) -> Result:
            begun.release()
            await ended.wait()
            return {"octets": len(call.arguments["x"])}

        monkeypatch.setitem(METHODS, "Slow/get", (CORE, wait))
        large = {"x": "y" * 100_000}
        running = [asyncio.create_task(client.call("Slow/get", large)) for _ in range(MAX_LARGE)]
        for _ in running:
            await begun.acquire()
        refused = await client.http("POST", "/jmap/api", {**NOTHING, **large})
        assert (refused.problem, refused.body["limit"]) == ("limit", "maxConcurrentRequests")
        assert await client.call("Core/echo")
        ended.set()
        assert [(await one)["octets"] for one in running] == [100_000] * MAX_LARGE
        assert (await client.http("POST", "/jmap/api", {**NOTHING, **large})).status == 200

    tell(database, data, story)


def test_other_sites_use_nobodys_password(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        found = await client.http(
            "POST", "/jmap/api", NOTHING, headers={"sec-fetch-site": "cross-site"}
        )
        assert (found.status, found.problem) == (403, "about:blank")

    tell(database, data, story)
