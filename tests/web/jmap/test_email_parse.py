"""Email/parse: messages in no mailbox, and what is none."""

from pathlib import Path

from tests.conftest import Opener
from tests.web.jmap.client import Client, tell
from tests.web.jmap.test_email_set import box, made, shown, uploaded

INNER = b"From: a@b.test\r\nSubject: Inner\r\n\r\nSaid inside.\r\n"


def test_it_says_what_is_in_it(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        upload = await uploaded(client, INNER, "message/rfc822")
        noise = await uploaded(client, b"\0 no message")
        new = await made(
            client,
            {
                "mailboxIds": {await box(client): True},
                "attachments": [{"blobId": upload, "type": "message/rfc822"}],
            },
        )
        (part,) = (await shown(client, new["id"]))["attachments"]
        ids = [upload, part["blobId"], new["blobId"], noise, "U7"]
        answer = await client.call("Email/parse", blobIds=ids, fetchTextBodyValues=True)
        assert (answer["notParsable"], answer["notFound"]) == ([noise], ["U7"])
        for ident in ids[:2]:
            found = answer["parsed"][ident]
            assert (found["subject"], found["preview"]) == ("Inner", "Said inside.")
            assert found["from"] == [{"name": None, "email": "a@b.test"}]
            (text,) = found["textBody"]
            assert found["bodyValues"][text["partId"]]["value"] == "Said inside.\n"
            nested = await client.call(
                "Email/import",
                emails={"c": {"blobId": ident, "mailboxIds": {await box(client): True}}},
            )
            assert nested["created"]["c"]["size"] == len(INNER)
        answer = await client.call(
            "Email/parse", blobIds=[upload], properties=["id", "size", "blobId", "mailboxIds"]
        )
        assert answer["parsed"][upload] == {
            "id": None, "size": len(INNER), "blobId": upload, "mailboxIds": None,
        }  # fmt: skip
        assert (await client.fails("Email/parse"))["type"] == "invalidArguments"

    tell(database, data, story)
