"""Email/get and Email/changes through the door."""

from pathlib import Path
from typing import Any

import pytest

from postroom.access.view import FlagChange
from postroom.admin import shares
from postroom.web.jmap import email as asking, emails
from tests.conftest import Opener
from tests.web.jmap.client import ALICE, BOB, Client, tell
from tests.web.jmap.mail import boxes, file
from tests.web.jmap.test_mailboxes import folders_of, view_of
from tests.web.mail.letters import PIXEL, PLAIN, RICH


async def got(client: Client, ident: str, *properties: str, **more: Any) -> Any:
    wanted = {"properties": list(properties)} if properties else {}
    found = await client.call("Email/get", wanted, ids=[ident], **more)
    (one,) = found["list"]
    return one


def test_what_the_store_knows(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        (ident,) = await file(
            client, PLAIN, flags=1 | 4, keywords="$Forwarded Own", received=1_700_000_000_999
        )
        names = ("mailboxIds", "keywords", "size", "receivedAt", "blobId")
        one = await got(client, ident, *names)
        assert one == {
            "id": ident,
            "mailboxIds": {(await boxes(client))["Inbox"]: True},
            "keywords": {"$seen": True, "$flagged": True, "$forwarded": True, "own": True},
            "size": len(PLAIN),
            "receivedAt": "2023-11-14T22:13:20Z",
            "blobId": ident.replace("M", "B", 1),
        }

    tell(database, data, story)


def test_every_property_by_default(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        (ident,) = await file(client, PLAIN, prefix=b"Return-Path: <>\r\n")
        one = await got(client, ident)
        assert set(one) == set(asking.DEFAULT)
        assert one["from"] == [{"name": "Ann", "email": "ann@far.test"}]
        assert (one["subject"], one["sentAt"]) == ("A plain word", "2026-06-01T10:00:00Z")
        assert (one["messageId"], one["inReplyTo"], one["bcc"]) == (["one@far.test"], None, None)
        assert one["preview"].startswith("Hello Bob")
        assert (one["bodyValues"], one["attachments"], one["hasAttachment"]) == ({}, [], False)
        assert one["textBody"] == one["htmlBody"]
        assert one["textBody"][0]["size"] == len(PLAIN.partition(b"\r\n\r\n")[2])
        head = await got(client, ident, "headers", "header:Return-Path", "header:none")
        assert head["headers"][0] == {"name": "Return-Path", "value": " <>"}
        assert (head["header:Return-Path"], head["header:none"]) == (" <>", None)

    tell(database, data, story)


def test_parts_and_their_sizes(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        (ident,) = await file(client, RICH)
        blob = ident.replace("M", "B", 1)
        one = await got(
            client, ident, "bodyStructure", "attachments", "bodyValues", "hasAttachment",
            bodyProperties=["partId", "blobId", "size", "type", "header:Content-ID", "headers"],
            fetchHTMLBodyValues=True,
        )  # fmt: skip
        image, file_ = one["attachments"]
        assert (image["size"], image["blobId"]) == (len(PIXEL), f"{blob}-1-2")
        assert image["header:Content-ID"] == " <logo@shop.test>"
        assert next(field["name"] for field in image["headers"]) == "Content-Type"
        assert (file_["type"], file_["size"]) == ("application/pdf", 15)
        assert list(one["bodyValues"]) == ["1.1.2"]
        top = one["bodyStructure"]
        assert (top["partId"], top["blobId"], top["type"]) == (None, None, "multipart/mixed")
        assert [part["type"] for part in top["subParts"]] == [
            "multipart/related",
            "application/pdf",
        ]
        assert "subParts" not in top["subParts"][1]
        assert top["headers"][0] == {"name": "From", "value": " Shop <news@shop.test>"}
        assert one["hasAttachment"]
        short = await got(client, ident, "bodyValues", fetchAllBodyValues=True, maxBodyValueBytes=5)
        assert short["bodyValues"]["1.1.1"] == {
            "value": "Cheap", "isEncodingProblem": False, "isTruncated": True,
        }  # fmt: skip
        assert short["bodyValues"]["1.1.2"]["value"] == ""
        text = await got(client, ident, "bodyValues", fetchTextBodyValues=True)
        assert list(text["bodyValues"]) == ["1.1.1"]

    tell(database, data, story)


def test_attachments_are_told_alike_with_and_without_a_look_at_the_message(
    database: Opener, data: Path
) -> None:
    letters = [
        PLAIN,
        RICH,
        b"Content-Type: image/png\r\n\r\nx",
        b"Content-Type: application/pdf\r\n\r\nx",
        b"Content-Type: text/plain\r\nContent-Disposition: attachment\r\n\r\nx",
        b"Content-Type: text/html\r\nContent-Disposition: Attachment; filename=x\r\n\r\nx",
        b'Content-Type: text/html; name="a.html"\r\nContent-Disposition: inline\r\n\r\nx',
        b'Content-Type: text/plain; name="\\"attachment\\""\r\n\r\nx',
        (
            b"Content-Type: multipart/related; boundary=a\r\n\r\n--a\r\nContent-Type: text/html\r\n\r\n"
            b"x\r\n--a\r\nContent-Type: image/png\r\nContent-Disposition: inline\r\n\r\nx\r\n--a--\r\n"
        ),
        b"Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\ny",
    ]

    async def story(client: Client) -> None:
        for letter in letters:
            (ident,) = await file(client, letter)
            quick = await got(client, ident, "hasAttachment")
            whole = await got(client, ident, "hasAttachment", "textBody")
            assert quick["hasAttachment"] is whole["hasAttachment"], letter

    tell(database, data, story)


def test_a_large_message_is_read_in_pieces(database: Opener, data: Path) -> None:
    body = b"QUJD\r\n" * 100_000
    letter = (
        b"Subject: large\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n"
        b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n" + body
        + b"--a\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n" + body
        + b"--a--\r\n"
    )  # fmt: skip

    async def story(client: Client) -> None:
        (ident,) = await file(client, letter)
        one = await got(client, ident, "subject", "textBody", "attachments", "preview")
        assert (one["subject"], one["textBody"][0]["size"]) == ("large", 300_000)
        assert one["attachments"][0]["size"] == 300_000
        assert one["preview"].startswith("ABCABC")
        cut = await got(
            client, ident, "bodyValues", fetchTextBodyValues=True, maxBodyValueBytes=100_000
        )
        assert cut["bodyValues"]["1"]["value"] == ("ABC" * 33_334)[:100_000]
        assert cut["bodyValues"]["1"]["isTruncated"]
        whole = await got(client, ident, "bodyValues", fetchTextBodyValues=True)
        assert whole["bodyValues"]["1"]["value"] == "ABC" * 100_000
        assert not whole["bodyValues"]["1"]["isTruncated"]

    tell(database, data, story)


def test_bodies_have_room_together(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "MAX_VALUES", 6)

    async def story(client: Client) -> None:
        ids = [*await file(client, b"\r\nfour"), *await file(client, b"\r\nfive")]
        found = await client.call(
            "Email/get", ids=ids, properties=["bodyValues"], fetchTextBodyValues=True
        )
        values = [one["bodyValues"]["1"] for one in found["list"]]
        assert [(one["value"], one["isTruncated"]) for one in values] == [
            ("four", False),
            ("fi", True),
        ]

    tell(database, data, story)


def test_damage_is_no_failure_of_the_others(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        (bad,) = await file(client, b"Subject: a\r\n\r\na")
        (good,) = await file(client, b"Subject: b\r\n\r\nb")

        await client.office.store.db.write(
            lambda tx: tx.execute(
                "UPDATE blob SET head = body WHERE id = (SELECT min(id) FROM blob)"
            )
        )
        for properties in (["subject"], ["subject", "textBody", "preview"]):
            found = await client.call("Email/get", ids=[bad, good], properties=properties)
            assert [one["subject"] for one in found["list"]] == [None, "b"]

    tell(database, data, story)


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ({"ids": None}, "requestTooLarge"),
        ({"ids": ["M1"] * 2, "properties": ["color"]}, "invalidArguments"),
        ({"ids": [], "properties": ["header:From:asDate"]}, "invalidArguments"),
        ({"ids": [], "bodyProperties": ["color"]}, "invalidArguments"),
        ({"ids": [], "maxBodyValueBytes": -1}, "invalidArguments"),
        ({"ids": [], "fetchAllBodyValues": 1}, "invalidArguments"),
        ({"ids": [], "properties": [f"header:X{n}" for n in range(101)]}, "invalidArguments"),
        ({"ids": [f"M{n:x}" for n in range(1, 1002)]}, "requestTooLarge"),
    ],
)
def test_what_is_refused(database: Opener, data: Path, arguments: Any, kind: str) -> None:
    async def story(client: Client) -> None:
        assert (await client.fails("Email/get", arguments))["type"] == kind

    tell(database, data, story)


def test_one_email_in_several_mailboxes(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        (ident,) = await file(client, PLAIN)
        state = (await client.call("Email/get", ids=[]))["state"]
        view = await view_of(client.office, "INBOX")
        archive = (await view_of(client.office, "Archive")).place
        await view.copy([(1, 1)], archive)
        await view.store([(1, 1)], FlagChange("add", 4, frozenset({"x"})))
        ids = await boxes(client)
        one = await got(client, ident, "mailboxIds", "keywords")
        assert set(one["mailboxIds"]) == {ids["Inbox"], ids["Archive"]}
        assert set(one["keywords"]) == {"$flagged", "x"}
        told = await client.call("Email/changes", sinceState=state)
        assert (told["created"], told["updated"], told["destroyed"]) == ([], [ident], [])
        await view.store([(1, 1)], FlagChange("add", 8))
        assert set((await got(client, ident, "mailboxIds"))["mailboxIds"]) == {ids["Archive"]}
        await (await view_of(client.office, "Archive")).store([(1, 1)], FlagChange("add", 8))
        found = await client.call("Email/get", ids=[ident, "M1", "T1"])
        assert (found["list"], found["notFound"]) == ([], [ident, "M1", "T1"])
        told = await client.call("Email/changes", sinceState=told["newState"])
        assert told["destroyed"] == [ident]
        await view.store([(1, 1)], FlagChange("remove", 8))
        told = await client.call("Email/changes", sinceState=told["newState"])
        assert (told["created"], told["hasMoreChanges"]) == ([ident], False)

    tell(database, data, story)


def test_a_member_sees_what_is_shared_and_their_own_seen(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        (open_,) = await file(client, PLAIN)
        (shut,) = await file(client, RICH, mailbox="Archive")
        await shares.add(client.office, f"{ALICE}/INBOX", BOB, "read")
        bob = await client.another(BOB)
        account = client.account
        found = await bob.call("Email/get", accountId=account, ids=[open_, shut])
        assert ([one["id"] for one in found["list"]], found["notFound"]) == ([open_], [shut])
        await (await view_of(client.office, f"Other Users/{ALICE}/INBOX", BOB)).store(
            [(1, 1)], FlagChange("add", 1)
        )
        told = await bob.call("Email/changes", accountId=account, sinceState=found["state"])
        assert told["updated"] == [open_]
        theirs = await bob.call(
            "Email/get", accountId=account, ids=[open_], properties=["keywords"]
        )
        assert theirs["list"][0]["keywords"] == {"$seen": True}
        assert (await got(client, open_, "keywords"))["keywords"] == {}
        await shares.add(client.office, f"{ALICE}/Archive", BOB, "read")
        told = await bob.call("Email/changes", accountId=account, sinceState=told["newState"])
        assert told["created"] == [shut]
        await shares.remove(client.office, f"{ALICE}/Archive", BOB)
        error = await bob.fails("Email/changes", accountId=account, sinceState=told["newState"])
        assert error["type"] == "cannotCalculateChanges"
        found = await bob.call("Email/get", accountId=account, ids=[shut])
        assert found["notFound"] == [shut]

    tell(database, data, story)


def test_a_lookup_right_alone_shows_no_email(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        (ident,) = await file(client, PLAIN)
        await shares.add(client.office, f"{ALICE}/INBOX", BOB, "l")
        bob = await client.another(BOB)
        found = await bob.call("Email/get", accountId=client.account, ids=[ident])
        assert found["notFound"] == [ident]
        (box,) = (await bob.call("Mailbox/get", accountId=client.account))["list"]
        assert (box["totalEmails"], box["myRights"]["mayReadItems"]) == (0, False)

    tell(database, data, story)


def test_other_arguments_are_refused(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        await folders_of(client.office)
        for name in emails.METHODS:
            assert (await client.fails(name, surprise=1))["type"] == "invalidArguments"

    tell(database, data, story)
