"""Blobs: uploads, and copies of them."""

from pathlib import Path
from typing import Any

import pytest

from postroom.admin import shares
from postroom.blobs.disk import Disk
from postroom.store import uploads
from postroom.web.jmap import blobs
from tests.conftest import Opener
from tests.store.letters import query
from tests.web.jmap.client import ALICE, BOB, Client, tell


async def audit(client: Client) -> int:
    """Every blob counts its uploads; how many blobs have any."""
    store = client.office.store
    wrong = (
        "SELECT b.id FROM blob b WHERE b.refs <>"
        " (SELECT count(*) FROM upload r WHERE r.blob_id = b.id)"
    )
    assert await store.read(query, wrong) == []
    return int((await store.read(query, "SELECT count(*) FROM upload"))[0][0])


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("text/plain", "text/plain"), ("text/plain; charset=x", "text/plain"), ("", blobs.ANY),
        ("text", blobs.ANY), ("text/plain\r\nX: y", blobs.ANY), ("a b/c", blobs.ANY),
        ("IMAGE/png", "IMAGE/png"), ("x" * 200 + "/y", blobs.ANY), ("t\u00e9xt/plain", blobs.ANY),
    ],
)  # fmt: skip
def test_media_types(given: str, told: str) -> None:
    assert blobs.media_type(given) == told


def test_copies(database: Opener, data: Path, monkeypatch: Any) -> None:
    async def story(client: Client) -> None:
        bob = await client.another(BOB)
        office = client.office
        await office.store.furnish((await office.account(BOB)).id)
        up = await client.http("POST", f"/jmap/upload/{client.account}", raw=b"hello")
        ident = up.body["blobId"]

        async def copy(to: str, *ids: str, source: str = "") -> Any:
            arguments = {"fromAccountId": source or client.account, "blobIds": list(ids)}
            ((name, found, _),) = await client.responses(
                ["Blob/copy", {"accountId": to, **arguments}]
            )
            return found["type"] if name == "error" else found

        assert await copy(bob.account, ident) == "accountNotFound"
        assert await copy(client.account, ident, source=bob.account) == "fromAccountNotFound"
        await shares.add(office, f"{BOB}/INBOX", ALICE, "lr")
        assert await copy(bob.account, ident) == "accountReadOnly"
        await shares.add(office, f"{BOB}/INBOX", ALICE, "write")
        found = await copy(bob.account, ident, "U1", "B1", "x y")
        assert found["notCopied"] == {
            one: {"type": "notFound", "description": f"there is no blob {one!r}"}
            for one in ("U1", "B1", "x y")
        }
        there = f"/jmap/download/{bob.account}/{found['copied'][ident]}/x"
        assert (await client.http("GET", there)).said.body == b"hello"
        assert (await bob.http("GET", there)).status == 404  # hers, in his account
        assert await audit(client) == 2
        monkeypatch.setattr(uploads, "MOST", 2)
        full = await copy(bob.account, ident)
        assert full["copied"] is None
        assert full["notCopied"][ident]["type"] == "overQuota"
        assert await audit(client) == 2
        many = ["x"] + [f"U{at}" for at in range(1000)]
        assert await copy(client.account, *many) == "requestTooLarge"

    tell(database, data, story)


def test_a_full_disk(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        office = client.office
        up = await client.http("POST", f"/jmap/upload/{client.account}", raw=b"hello")
        ident = up.body["blobId"]
        office.blobs.disk = Disk(data, 1 << 62, office.clock)
        found = await client.call("Blob/copy", fromAccountId=client.account, blobIds=[ident])
        assert found["notCopied"][ident]["type"] == "serverFail"
        refused = await client.http("POST", f"/jmap/upload/{client.account}", raw=b"hello")
        assert (refused.status, refused.problem) == (507, "about:blank")
        assert await audit(client) == 1

    tell(database, data, story)
