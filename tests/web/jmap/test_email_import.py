"""Email/import: uploaded messages, as they are; what is none; all or nothing of each."""

from pathlib import Path
from typing import Any

from postroom.admin import accounts
from tests.conftest import Opener
from tests.web.jmap.client import ALICE, Client, tell
from tests.web.jmap.test_email_set import box, shown, uploaded

LETTER = (
    b"Received: from a by b; Fri, 2 Jan 2026 03:04:05 +0000\r\nSubject: Hi\r\n"
    b"Message-ID: <i@x>\r\n\r\nHello.\r\n"
)


async def bring(client: Client, given: dict[str, Any], **more: Any) -> Any:
    return await client.call("Email/import", emails={"c": given}, **more)


def test_it_is_filed_as_it_is(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        archive, inbox = await box(client, "archive"), await box(client, "inbox")
        blob = await uploaded(client, LETTER, "message/rfc822")
        both = {archive: True, inbox: True}
        answer = await bring(
            client, {"blobId": blob, "mailboxIds": both, "keywords": {"$seen": True}}
        )
        new = answer["created"]["c"]
        assert set(new) == {"id", "blobId", "threadId", "size"}
        assert new["size"] == len(LETTER)
        assert answer["oldState"] != answer["newState"]
        found = await shown(client, new["id"])
        assert (found["subject"], found["mailboxIds"], found["keywords"]) == (
            "Hi", both, {"$seen": True},
        )  # fmt: skip
        assert found["receivedAt"] == "2026-01-02T03:04:05Z"
        dated = {"blobId": blob, "mailboxIds": both, "receivedAt": "2025-01-01T00:00:00Z"}
        again = (await bring(client, dated))["created"]["c"]
        assert (await shown(client, again["id"]))["receivedAt"] == "2025-01-01T00:00:00Z"
        nested = (await bring(client, {"blobId": new["blobId"], "mailboxIds": both}))["created"]
        assert nested["c"]["size"] == len(LETTER)

    tell(database, data, story)


def test_what_can_not_be_imported(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        inbox = await box(client, "inbox")
        blob = await uploaded(client, LETTER, "message/rfc822")
        noise = await uploaded(client, b"\0\1 no message", "application/pdf")
        bad = await uploaded(client, b"Subject: x\r\n\r\n\0", "message/rfc822")
        good = {"blobId": blob, "mailboxIds": {inbox: True}}
        for change, kind in (
            ({"blobId": "U7"}, "invalidProperties"),
            ({"blobId": None}, "invalidProperties"),
            ({"mailboxIds": {}}, "invalidProperties"),
            ({"mailboxIds": {"F7": True}}, "invalidProperties"),
            ({"keywords": {"a b": True}}, "invalidProperties"),
            ({"subject": "x"}, "invalidProperties"),
            ({"blobId": noise}, "invalidEmail"),
            ({"blobId": bad}, "forbidden"),
        ):
            answer = await bring(client, {**good, **change})
            assert answer["notCreated"]["c"]["type"] == kind, change
            assert answer["newState"] == answer["oldState"]
        await accounts.change(client.office, ALICE, quota=1)
        answer = await bring(client, good)
        assert answer["notCreated"]["c"]["type"] == "overQuota"
        assert (await client.fails("Email/import"))["type"] == "invalidArguments"
        error = await client.fails("Email/import", emails={}, ifInState="x")
        assert error["type"] == "stateMismatch"

    tell(database, data, story)
