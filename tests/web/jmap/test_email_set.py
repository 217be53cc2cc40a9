"""Email/set: what is made, moved, marked and destroyed, what is refused, and that it changes nothing."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from postroom.admin import accounts, shares
from postroom.web.jmap.account import account_id
from tests.conftest import Opener
from tests.web.jmap.client import ALICE, BOB, Client, tell

VALUES = {"t": {"value": "Hello.\n"}, "h": {"value": "<p>Hello.</p>\n"}}
TEXT = {"textBody": [{"partId": "t"}], "bodyValues": VALUES}
BODIES = {"fetchAllBodyValues": True}


async def box(client: Client, role: str = "drafts", **more: Any) -> str:
    found = (await client.call("Mailbox/get", **more))["list"]
    return str(next(one["id"] for one in found if one["role"] == role))


async def made(client: Client, given: dict[str, Any]) -> dict[str, Any]:
    answer = await client.call("Email/set", create={"c": given})
    assert answer["notCreated"] is None, answer
    assert answer["newState"] != answer["oldState"]
    return dict(answer["created"]["c"])


async def shown(client: Client, ident: str, **more: Any) -> dict[str, Any]:
    (found,) = (await client.call("Email/get", ids=[ident], **more))["list"]
    return dict(found)


async def refused(client: Client, change: dict[str, Any], group: str, key: str) -> dict[str, Any]:
    """The SetError; nothing has changed."""
    before = await client.call("Mailbox/get")
    found = await client.call("Email/set", change)
    assert found["oldState"] == found["newState"]
    assert await client.call("Mailbox/get") == before
    return dict(found[group][key])


async def uploaded(client: Client, octets: bytes, kind: str = "text/plain") -> str:
    path = f"/jmap/upload/{client.account}/"
    url = client.session["uploadUrl"].replace("{accountId}", client.account)
    target = url[url.index("/jmap") :] if "/jmap" in url else path
    answer = await client.http("POST", target, raw=octets, headers={"content-type": kind})
    assert answer.status == 201, answer
    return str(answer.body["blobId"])


def test_a_message_is_made_and_read_back(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        drafts, archive = await box(client), await box(client, "archive")
        file = await uploaded(client, b"\0\1\2" * 1000, "application/pdf")
        wish = {
            "mailboxIds": {drafts: True, archive: True},
            "keywords": {"$draft": True, "$seen": True, "work": True},
            "receivedAt": "2026-01-02T03:04:05Z",
            "from": [{"name": "Älice, A", "email": ALICE}],
            "to": [{"name": None, "email": BOB}],
            "subject": "Grüße",
            "sentAt": "2026-01-02T03:04:05+01:00",
            "messageId": ["own@x.test"],
            "header:X-Own:asText": "own",
        }
        bodies = {
            "textBody": [{"partId": "t", "type": "text/plain"}],
            "htmlBody": [{"partId": "h", "type": "text/html"}],
            "bodyValues": VALUES,
            "attachments": [{"blobId": file, "type": "application/pdf", "name": "ä.pdf"}],
        }
        new = await made(client, {**wish, **bodies})
        assert set(new) == {"id", "blobId", "threadId", "size"}
        found = await shown(
            client,
            new["id"],
            properties=[*wish, *bodies, "blobId", "threadId", "size", "hasAttachment"],
            **BODIES,
        )
        assert {name: found[name] for name in wish} == wish
        assert {name: found[name] for name in new} == new
        assert sorted(one["value"] for one in found["bodyValues"].values()) == [
            "<p>Hello.</p>\n", "Hello.\n",
        ]  # fmt: skip
        (attached,) = found["attachments"]
        assert (attached["name"], attached["type"], attached["size"]) == (
            "ä.pdf", "application/pdf", 3000,
        )  # fmt: skip
        again = await made(
            client,
            {
                "mailboxIds": {drafts: True},
                "attachments": [
                    {"blobId": attached["blobId"], "name": "b"},
                    {"blobId": new["blobId"], "type": "message/rfc822"},
                ],
            },
        )
        copy = await shown(client, again["id"], properties=["attachments"])
        assert copy["attachments"][0]["size"] == 3000
        assert copy["attachments"][1]["size"] == new["size"]

    tell(database, data, story)


def test_creation_ids_name_mailboxes_and_blobs(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        answers = await client.responses(
            ["Mailbox/set", {"accountId": client.account, "create": {"m": {"name": "New"}}}],
            [
                "Email/set",
                {
                    "accountId": client.account,
                    "create": {"e": {"mailboxIds": {"#m": True}, **TEXT}},
                },
            ],
        )
        if answers[0][0] == "Mailbox/set":
            mailbox = answers[0][1]["created"]["m"]["id"]
            ident = answers[1][1]["created"]["e"]["id"]
            assert (await shown(client, ident, properties=["mailboxIds"]))["mailboxIds"] == {
                mailbox: True
            }

    tell(database, data, story)


def test_it_is_moved_marked_and_destroyed(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        drafts, archive, trash = [await box(client, one) for one in ("drafts", "archive", "trash")]
        ident = (await made(client, {"mailboxIds": {drafts: True}, **TEXT}))["id"]

        async def change(**patch: Any) -> dict[str, Any]:
            answer = await client.call("Email/set", update={ident: patch})
            assert answer["updated"] == {ident: None}, answer
            return await shown(client, ident, properties=["mailboxIds", "keywords"])

        both = {drafts: True, archive: True}
        found = await change(**{f"mailboxIds/{archive}": True, "keywords/$Seen": True})
        assert found == {"id": ident, "mailboxIds": both, "keywords": {"$seen": True}}
        found = await change(keywords={"a": True, "$flagged": True})
        assert found["keywords"] == {"a": True, "$flagged": True}
        found = await change(**{"keywords/a": None, f"mailboxIds/{drafts}": None})
        assert (found["keywords"], found["mailboxIds"]) == ({"$flagged": True}, {archive: True})
        found = await change(mailboxIds={trash: True})
        assert found["mailboxIds"] == {trash: True}
        found = await change(keywords=None)
        assert found["keywords"] == {}
        gone = await client.call("Email/set", destroy=[ident, "M7"])
        assert gone["destroyed"] == [ident]
        assert gone["notDestroyed"]["M7"]["type"] == "notFound"
        got = await client.call("Email/get", ids=[ident])
        assert got["notFound"] == [ident]
        assert got["state"] == gone["newState"]

    tell(database, data, story)


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({}, "invalidProperties"),
        ({"mailboxIds": {}}, "invalidProperties"),
        ({"mailboxIds": {"F7": True}}, "invalidProperties"),
        ({"mailboxIds": {"#none": True}}, "invalidProperties"),
        ({"mailboxIds": {"DRAFTS": False}}, "invalidProperties"),
        ({"mailboxIds": {"DRAFTS": True}, "keywords": {"a b": True}}, "invalidProperties"),
        (
            {"mailboxIds": {"DRAFTS": True}, "keywords": {f"k{n}": True for n in range(101)}},
            "tooManyKeywords",
        ),
        ({"mailboxIds": {"DRAFTS": True}, "size": 7}, "invalidProperties"),
        ({"mailboxIds": {"DRAFTS": True}, "from": "x"}, "invalidProperties"),
        (
            {"mailboxIds": {"DRAFTS": True}, "attachments": [{"blobId": "U7"}, {"blobId": "#b"}]},
            "blobNotFound",
        ),
        (
            {"mailboxIds": {"DRAFTS": True}, "textBody": [{"partId": "none"}]},
            "invalidProperties",
        ),
    ],
)
def test_what_can_not_be_made(
    database: Opener, data: Path, given: dict[str, Any], kind: str
) -> None:
    async def story(client: Client) -> None:
        drafts = await box(client)
        if "mailboxIds" in given and "DRAFTS" in given["mailboxIds"]:
            given["mailboxIds"] = {drafts: given["mailboxIds"].pop("DRAFTS")}
        error = await refused(client, {"create": {"c": given}}, "notCreated", "c")
        assert error["type"] == kind
        if kind == "blobNotFound":
            assert sorted(error["notFound"]) == ["#b", "U7"]

    tell(database, data, story)


def test_what_can_not_be_changed(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        drafts = await box(client)
        ident = (await made(client, {"mailboxIds": {drafts: True}, **TEXT}))["id"]
        for patch, kind in (
            ({"subject": "x"}, "invalidProperties"),
            ({"keywords/a b": True}, "invalidProperties"),
            ({"keywords/a": False}, "invalidProperties"),
            ({"keywords/a/b": True}, "invalidPatch"),
            ({"keywords": {"a": True}, "keywords/b": True}, "invalidPatch"),
            ({"mailboxIds": None}, "invalidProperties"),
            ({f"mailboxIds/{drafts}": None}, "invalidProperties"),
            ({"mailboxIds/F7": True}, "invalidProperties"),
            ({"keywords": {f"k{n}": True for n in range(101)}}, "tooManyKeywords"),
        ):
            error = await refused(client, {"update": {ident: patch}}, "notUpdated", ident)
            assert error["type"] == kind, patch
        error = await refused(client, {"update": {"M7": {}}}, "notUpdated", "M7")
        assert error["type"] == "notFound"
        state = (await client.call("Email/get", ids=[]))["state"]
        error = await client.fails("Email/set", ifInState="x", destroy=[ident])
        assert error["type"] == "stateMismatch"
        some = await client.call(
            "Email/set",
            ifInState=state,
            create={"good": {"mailboxIds": {drafts: True}}, "bad": {}},
            update={ident: {"keywords/$seen": True}, "M7": {}},
        )
        assert (set(some["created"]), set(some["notCreated"])) == ({"good"}, {"bad"})
        assert (set(some["updated"]), set(some["notUpdated"])) == ({ident}, {"M7"})

    tell(database, data, story)


def test_a_full_mailbox_takes_nothing(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        drafts, archive = await box(client), await box(client, "archive")
        ident = (await made(client, {"mailboxIds": {drafts: True}, **TEXT}))["id"]
        await accounts.change(client.office, ALICE, quota=1)
        error = await refused(
            client, {"create": {"c": {"mailboxIds": {drafts: True}}}}, "notCreated", "c"
        )
        assert error["type"] == "overQuota"
        patch = {f"mailboxIds/{archive}": True}
        error = await refused(client, {"update": {ident: patch}}, "notUpdated", ident)
        assert error["type"] == "overQuota"
        moved = {"mailboxIds": {archive: True}}
        assert (await client.call("Email/set", update={ident: moved}))["updated"] == {ident: None}

    tell(database, data, story)


def test_rights_decide_in_mailboxes_of_others(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        bob = await client.another(BOB)
        inbox = await box(bob, "inbox")
        ident = (await made(bob, {"mailboxIds": {inbox: True}, **TEXT}))["id"]
        theirs = account_id(int(bob.account[1:], 16))
        await shares.add(client.office, f"{BOB}/INBOX", ALICE, "read")
        answer = await client.call(
            "Email/set",
            accountId=theirs,
            create={"c": {"mailboxIds": {inbox: True}, **TEXT}},
            update={ident: {"keywords/$flagged": True}},
            destroy=["M7"],
        )
        assert answer["notCreated"]["c"]["type"] == "forbidden"
        assert answer["notUpdated"][ident]["type"] == "forbidden"
        answer = await client.call(
            "Email/set", accountId=theirs, update={ident: {"keywords/$seen": True}}
        )
        assert answer["updated"] == {ident: None}
        assert (await shown(bob, ident, properties=["keywords"]))["keywords"] == {}
        answer = await client.call("Email/set", accountId=theirs, destroy=[ident])
        assert answer["notDestroyed"][ident]["type"] == "forbidden"
        assert (await shown(bob, ident, properties=["id"]))["id"] == ident

    tell(database, data, story)


_TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=60)


@given(subject=_TEXTS, name=_TEXTS, body=_TEXTS)
@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_what_is_made_says_the_same_when_it_is_read(
    database: Opener,
    tmp_path_factory: pytest.TempPathFactory,
    subject: str,
    name: str,
    body: str,
) -> None:
    import unicodedata

    async def story(client: Client) -> None:
        drafts = await box(client)
        wish = {
            "mailboxIds": {drafts: True},
            "subject": subject,
            "from": [{"name": name, "email": ALICE}],
            "textBody": [{"partId": "t"}],
            "bodyValues": {"t": {"value": body + "\n"}},
        }
        ident = (await made(client, wish))["id"]
        found = await shown(
            client, ident, properties=["subject", "from", "bodyValues"], fetchTextBodyValues=True
        )
        assert found["subject"] == unicodedata.normalize("NFC", subject.strip())
        assert (found["from"][0]["name"] or "") == unicodedata.normalize("NFC", name.strip())
        (value,) = found["bodyValues"].values()
        assert value["value"] == body + "\n"

    tell(database, tmp_path_factory.mktemp("data"), story)
