"""What blob ids name: messages, their parts, and parts of messages inside."""

from pathlib import Path

from postroom.web.jmap import sources
from postroom.web.jmap.method import account_of
from tests.conftest import Opener
from tests.web.jmap.client import Client, tell
from tests.web.jmap.test_email_set import box, made, uploaded

INNER = (
    b"Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    b"--b\r\n\r\none\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\ndHdv\r\n--b--\r\n"
)


def test_parts_are_decoded(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        large = bytes(range(256)) * 1000
        files = [
            await uploaded(client, INNER, "message/rfc822"),
            await uploaded(client, large, "image/png"),
        ]
        kinds = ("message/rfc822", "image/png")
        new = await made(
            client,
            {
                "mailboxIds": {await box(client): True},
                "attachments": [
                    {"blobId": one, "type": kind} for one, kind in zip(files, kinds, strict=True)
                ],
            },
        )
        alice = await client.office.directory.known("alice@demo.test")
        assert alice is not None
        account = await account_of(client.services, alice, client.account)

        async def read(ident: str) -> bytes | None:
            found = await sources.find(account, ident)
            return None if found is None else b"".join([one async for one in found.pieces()])

        base = new["blobId"]
        whole = await read(base)
        assert whole is not None
        assert len(whole) == new["size"]
        assert await read(files[1]) == large
        assert await read(f"{base}-1") == INNER
        assert await read(f"{base}-2") == large
        assert await read(f"{base}-1-1") == b"one"
        assert await read(f"{base}-1-2") == b"two"
        assert await read(f"{files[0]}-2") == b"two"
        for wrong in (
            "B7",
            "U7",
            f"{base}-3",
            f"{base}-2-1",
            f"{base}-1-1-1",
            f"{base}-x",
            "",
            "-",
        ):
            assert await read(wrong) is None
        assert sources.part_id(base, (1, 2)) == f"{base}-1-2"

    tell(database, data, story)
