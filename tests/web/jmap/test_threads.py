"""Thread/get and Thread/changes through the door."""

from pathlib import Path

from postroom.access.view import FlagChange
from tests.conftest import Opener
from tests.web.jmap.client import Client, tell
from tests.web.jmap.mail import file
from tests.web.jmap.test_mailboxes import view_of

ONE = b"Message-ID: <a@x>\r\n\r\na"
ANSWER = b"Message-ID: <b@x>\r\nReferences: <a@x>\r\n\r\nb"


def test_emails_of_threads_come_oldest_first(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        (late,) = await file(client, ONE, received=2_000_000)
        (early,) = await file(client, ANSWER, mailbox="Archive", received=1_000_000)
        (other,) = await file(client, b"\r\nc")
        hidden = await file(client, ANSWER, flags=8)
        found = await client.call("Email/get", ids=[late, early, other], properties=["threadId"])
        threads = [one["threadId"] for one in found["list"]]
        assert threads[0] == threads[1] != threads[2]
        got = await client.call("Thread/get", ids=[threads[0], threads[2], "T1", "x"])
        assert got["list"] == [
            {"id": threads[0], "emailIds": [early, late]},
            {"id": threads[2], "emailIds": [other]},
        ]
        assert hidden[0] not in got["list"][0]["emailIds"]
        assert (got["notFound"], got["state"]) == (["T1", "x"], found["state"])
        only = await client.call("Thread/get", ids=[threads[0]], properties=["id"])
        assert only["list"] == [{"id": threads[0]}]
        error = await client.fails("Thread/get", ids=None)
        assert error["type"] == "requestTooLarge"

    tell(database, data, story)


def test_changes_of_threads(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        (one,) = await file(client, ONE)
        got = await client.call("Email/get", ids=[one], properties=["threadId"])
        thread = got["list"][0]["threadId"]
        view = await view_of(client.office, "INBOX")
        await view.store([(1, 1)], FlagChange("add", 1))
        told = await client.call("Thread/changes", sinceState=got["state"])
        assert (told["created"], told["updated"], told["destroyed"]) == ([], [], [])
        await file(client, ANSWER)
        told = await client.call("Thread/changes", sinceState=told["newState"])
        assert (told["created"], told["updated"]) == ([], [thread])
        view = await view_of(client.office, "INBOX")
        await view.store([(1, 2)], FlagChange("add", 8))
        await view.expunge(None)
        told = await client.call("Thread/changes", sinceState=told["newState"])
        assert (told["updated"], told["destroyed"]) == ([], [thread])
        error = await client.fails("Thread/changes", sinceState="")
        assert error["type"] == "cannotCalculateChanges"

    tell(database, data, story)
