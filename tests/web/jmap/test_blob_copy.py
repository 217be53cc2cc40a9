"""Messages and their parts are downloaded, and copied to another account, by whoever may read them."""

from pathlib import Path

import pytest

from postroom.access.view import FlagChange
from postroom.admin import shares
from tests.conftest import Opener
from tests.web.jmap.client import ALICE, BOB, Client, tell
from tests.web.jmap.mail import file
from tests.web.jmap.test_mailboxes import view_of
from tests.web.mail.letters import PIXEL, RICH


async def octets(client: Client, blob: str, account: str) -> bytes | int:
    """What is downloaded, or the status of a refusal."""
    url = f"/jmap/download/{account}/{blob}/x?type=image/png"
    found = await client.http("GET", url)
    return found.said.body if found.status == 200 else found.status


def test_a_message_and_its_parts(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        (ident,) = await file(client, RICH, prefix=b"Return-Path: <>\r\n")
        blob, account = ident.replace("M", "B", 1), client.account
        assert await octets(client, blob, account) == b"Return-Path: <>\r\n" + RICH
        assert await octets(client, f"{blob}-1-2", account) == PIXEL
        assert await octets(client, f"{blob}-2", account) == b"%PDF-1.4 prices"
        assert await octets(client, f"{blob}-1-1-1", account) == b"Cheap things"
        got = await client.call("Email/get", ids=[ident], properties=["attachments"])
        for part in got["list"][0]["attachments"]:
            found = await octets(client, part["blobId"], account)
            assert isinstance(found, bytes)
            assert len(found) == part["size"]
        for wrong in (f"{blob}-1", f"{blob}-9", f"{blob}-1-2-1", "B1", f"{blob}-0"):
            assert await octets(client, wrong, account) == 404
        copied = await client.call("Blob/copy", fromAccountId=account, blobIds=[f"{blob}-2"])
        upload = copied["copied"][f"{blob}-2"]
        assert await octets(client, upload, account) == b"%PDF-1.4 prices"

    tell(database, data, story)


def test_a_large_part_is_decoded_in_pieces(database: Opener, data: Path) -> None:
    letter = b"Content-Transfer-Encoding: base64\r\n\r\n" + b"QUJDRA\r\n" * 200_000

    async def story(client: Client) -> None:
        (ident,) = await file(client, letter)
        found = await octets(client, ident.replace("M", "B", 1) + "-1", client.account)
        assert isinstance(found, bytes)
        assert len(found) == 200_000 * 6 * 3 // 4

    tell(database, data, story)


@pytest.mark.parametrize("rights", ["", "l", "lr"])
def test_only_who_may_read_it(database: Opener, data: Path, rights: str) -> None:
    async def story(client: Client) -> None:
        (ident,) = await file(client, RICH)
        await file(client, RICH, mailbox="Archive")
        await shares.add(client.office, f"{ALICE}/Archive", BOB, "lr")
        if rights:
            await shares.add(client.office, f"{ALICE}/INBOX", BOB, rights)
        bob, blob = await client.another(BOB), ident.replace("M", "B", 1)
        found = await octets(bob, blob, client.account)
        assert found == (RICH if "r" in rights else 404)
        copied = await bob.call("Blob/copy", fromAccountId=client.account, blobIds=[f"{blob}-2"])
        if "r" in rights:
            upload = copied["copied"][f"{blob}-2"]
            assert await octets(bob, upload, bob.account) == b"%PDF-1.4 prices"
        else:
            assert copied["notCopied"][f"{blob}-2"]["type"] == "notFound"
        assert await octets(bob, blob, bob.account) == 404
        await (await view_of(client.office, "INBOX")).store([(1, 1)], FlagChange("add", 8))
        assert await octets(client, blob, client.account) == 404

    tell(database, data, story)
