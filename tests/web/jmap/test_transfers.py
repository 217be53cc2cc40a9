"""Uploads and downloads over HTTP."""

import asyncio
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from postroom.admin import shares
from postroom.config.model import Limits
from postroom.store import uploads
from postroom.web.jmap import blobs
from postroom.web.jmap.limits import MAX_UPLOADS
from tests.conftest import Opener
from tests.web.jmap.client import ALICE, BOB, CONFIG, Client, tell
from tests.web.jmap.test_blobs import audit


@pytest.mark.parametrize("size", [0, 5, 70_000, 3_000_000])
def test_what_was_brought_can_be_had(size: int, database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        octets = os.urandom(size)
        found = await client.http(
            "POST", f"/jmap/upload/{client.account}", raw=octets,
            headers={"content-type": "image/png; x=y"},
        )  # fmt: skip
        assert found.status == 201
        ident = found.body.pop("blobId")
        assert found.body == {"accountId": client.account, "type": "image/png", "size": size}
        got = await client.http("GET", f"/jmap/download/{client.account}/{ident}/a%20b.png")
        assert got.said.body == octets
        headers = got.said.headers
        assert headers["content-type"] == "image/png"
        assert headers["content-length"] == str(size)
        named = await client.http(
            "GET", f"/jmap/download/{client.account}/{ident}/<x>/\u00e4'.html?type=text/html"
        )
        assert named.said.headers["content-type"] == "text/html"
        assert named.said.headers["content-disposition"] == (
            "attachment; filename*=UTF-8''%3Cx%3E%2F%C3%A4%27.html"
        )
        assert named.said.headers["content-security-policy"].startswith("sandbox")
        assert named.said.headers["x-content-type-options"] == "nosniff"
        odd = await client.http("GET", f"/jmap/download/{client.account}/{ident}/x?type=a%0d%0ab")
        assert odd.said.headers["content-type"] == blobs.ANY

    tell(database, data, story)


def test_only_who_brought_it_has_it(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        bob = await client.another(BOB)
        path = f"/jmap/upload/{client.account}"
        ident = (await client.http("POST", path, raw=b"x")).body["blobId"]
        for account, blob in (
            (client.account, ident), (bob.account, ident), (bob.account, "U1"), ("A1", ident), ("x", ident),
        ):  # fmt: skip
            assert (await bob.http("GET", f"/jmap/download/{account}/{blob}/x")).status == 404
        for blob in ("U0", "U", "u1", "U" + "1" * 17, ident + "0", "%00"):
            found = await client.http("GET", f"/jmap/download/{client.account}/{blob}/x")
            assert found.status == 404
        assert (await bob.http("POST", path, raw=b"x")).status == 404
        client.authorization = ""
        assert (await client.http("POST", path, raw=b"x")).status == 401
        down = f"/jmap/download/{client.account}/{ident}/x"
        assert (await client.http("GET", down)).status == 401
        assert await audit(bob) == 1

    tell(database, data, story)


def test_accounts_that_may_only_be_read(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        bob = await client.another(BOB)
        await client.office.store.furnish((await client.office.account(BOB)).id)
        await shares.add(client.office, f"{BOB}/INBOX", ALICE, "lr")
        refused = await client.http("POST", f"/jmap/upload/{bob.account}", raw=b"x")
        assert (refused.status, refused.problem) == (403, "about:blank")
        await shares.add(client.office, f"{BOB}/INBOX", ALICE, "write")
        assert (await client.http("POST", f"/jmap/upload/{bob.account}", raw=b"x")).status == 201

    tell(database, data, story)


def test_what_is_too_large(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        path = f"/jmap/upload/{client.account}"
        most = client.session["capabilities"]["urn:ietf:params:jmap:core"]["maxSizeUpload"]
        assert most == 100_000
        assert (await client.http("POST", path, raw=b"x" * most)).status == 201
        large = await client.http("POST", path, raw=b"x" * (most + 1))
        assert (large.status, large.problem) == (413, "limit")
        assert large.body["limit"] == "maxSizeUpload"
        told = await client.http("POST", path, raw=b"x", headers={"content-length": "100001"})
        assert told.status == 413
        assert await audit(client) == 1

    config = msgspec.structs.replace(CONFIG, limits=Limits(max_message=100_000))
    tell(database, data, story, config=config)


def test_too_many_in_an_hour(database: Opener, data: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(uploads, "MOST", 2)

    async def story(client: Client) -> None:
        path = f"/jmap/upload/{client.account}"
        for _ in range(2):
            assert (await client.http("POST", path, raw=b"x")).status == 201
        full = await client.http("POST", path, raw=b"x")
        assert (full.status, full.problem) == (429, "limit")
        client.clock.advance(seconds=3601)
        assert (await client.http("POST", path, raw=b"x")).status == 201
        assert await audit(client) == 2

    tell(database, data, story)


def test_uploads_at_a_time(database: Opener, data: Path, monkeypatch: Any) -> None:
    async def story(client: Client) -> None:
        begun, ended = asyncio.Semaphore(0), asyncio.Event()
        keep = blobs.keep

        async def slowly(*given: Any) -> Any:
            begun.release()
            await ended.wait()
            return await keep(*given)

        monkeypatch.setattr(blobs, "keep", slowly)
        path = f"/jmap/upload/{client.account}"
        running = [
            asyncio.create_task(client.http("POST", path, raw=b"x")) for _ in range(MAX_UPLOADS)
        ]
        for _ in running:
            await begun.acquire()
        refused = await client.http("POST", path, raw=b"x")
        assert (refused.problem, refused.body["limit"]) == ("limit", "maxConcurrentUpload")
        ended.set()
        assert [(await one).status for one in running] == [201] * MAX_UPLOADS
        assert await audit(client) == MAX_UPLOADS

    tell(database, data, story)
