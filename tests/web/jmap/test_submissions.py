"""EmailSubmission: what is sent, refused, taken back and told; and the Email/set that follows."""

from pathlib import Path
from typing import Any

import pytest

from postroom.admin import accounts, credentials, queue, shares
from postroom.queue import submissions as rows
from postroom.web.jmap.account import account_id
from tests.conftest import Opener
from tests.web.jmap.client import ALICE, BOB, Client, tell
from tests.web.jmap.test_email_set import TEXT, box, made, shown

FAR = "far@far.test"


async def identity(client: Client, **more: Any) -> str:
    return str((await client.call("Identity/get", **more))["list"][0]["id"])


async def draft(client: Client, **more: Any) -> str:
    wish = {
        "mailboxIds": {await box(client): True},
        "keywords": {"$draft": True},
        "from": [{"email": ALICE}],
        "to": [{"email": BOB}],
        "bcc": [{"email": FAR}],
        "subject": "Hi",
        **TEXT,
        **more,
    }
    return str((await made(client, wish))["id"])


async def send(client: Client, email: str, **more: Any) -> Any:
    wish = {"identityId": await identity(client), "emailId": email, **more}
    return await client.call("EmailSubmission/set", create={"s": wish})


async def refused(client: Client, email: str, **more: Any) -> dict[str, Any]:
    """The SetError; nothing was sent or written."""
    before = (await queue.page(client.office)).items
    answer = await send(client, email, **more)
    assert answer["created"] is None
    assert answer["oldState"] == answer["newState"]
    assert (await queue.page(client.office)).items == before
    assert (await client.call("EmailSubmission/get"))["list"] == []
    return dict(answer["notCreated"]["s"])


async def inbox(client: Client, who: str) -> int:
    found = await accounts.show(client.office, who)
    return found.messages


def later(seconds: int, *recipients: str) -> dict[str, Any]:
    return {
        "mailFrom": {"email": ALICE, "parameters": {"HOLDFOR": str(seconds)}},
        "rcptTo": [{"email": one, "parameters": None} for one in recipients],
    }


def test_a_message_is_sent_and_told(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        email = await draft(client)
        answer = await send(client, email)
        new = answer["created"]["s"]
        assert new["undoStatus"] == "final"
        assert answer["newState"] != answer["oldState"]
        assert await inbox(client, BOB) == 1
        (waiting,) = (await queue.page(client.office)).items
        assert [one.recipient for one in waiting.recipients] == [FAR]
        (found,) = (await client.call("EmailSubmission/get"))["list"]
        assert found["emailId"] == email
        assert found["identityId"] == await identity(client)
        assert found["threadId"] == (await shown(client, email))["threadId"]
        assert found["envelope"] == {
            "mailFrom": {"email": ALICE, "parameters": None},
            "rcptTo": [
                {"email": BOB, "parameters": None},
                {"email": FAR, "parameters": None},
            ],
        }
        assert (found["dsnBlobIds"], found["mdnBlobIds"]) == ([], [])
        status = found["deliveryStatus"]
        assert (status[BOB]["delivered"], status[FAR]["delivered"]) == ("yes", "queued")
        assert status[FAR]["smtpReply"].startswith("250 ")
        got = await client.call(
            "EmailSubmission/get", ids=[new["id"], "S7", "x"], properties=["sendAt"]
        )
        assert got["list"] == [{"id": new["id"], "sendAt": new["sendAt"]}]
        assert got["notFound"] == ["S7", "x"]

    tell(database, data, story)


def test_what_follows_a_success(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        sent = await box(client, "sent")
        email, other = await draft(client), await draft(client)
        wish = {"identityId": await identity(client), "emailId": email}
        patch = {"mailboxIds": {sent: True}, "keywords/$draft": None}
        answers = await client.responses(
            [
                "EmailSubmission/set",
                {
                    "accountId": client.account,
                    "create": {
                        "a": wish,
                        "b": {**wish, "emailId": other},
                        "c": {**wish, "emailId": "M7"},
                    },
                    "onSuccessUpdateEmail": {"#a": patch, "#c": {"keywords/x": True}},
                    "onSuccessDestroyEmail": ["#b", "#c"],
                },
            ]
        )
        assert [(one[0], one[2]) for one in answers] == [
            ("EmailSubmission/set", "0"),
            ("Email/set", "0"),
        ]
        assert set(answers[0][1]["created"]) == {"a", "b"}
        assert answers[0][1]["notCreated"]["c"]["properties"] == ["emailId"]
        assert answers[1][1]["updated"] == {email: None}
        assert answers[1][1]["destroyed"] == [other]
        found = await shown(client, email, properties=["mailboxIds", "keywords"])
        assert (found["mailboxIds"], found["keywords"]) == ({sent: True}, {})
        again = await client.responses(
            [
                "EmailSubmission/set",
                {
                    "accountId": client.account,
                    "create": {"c": {**wish, "emailId": "M7"}},
                    "onSuccessDestroyEmail": ["#c"],
                },
            ]
        )
        assert len(again) == 1
        assert await inbox(client, BOB) == 2

    tell(database, data, story)


def test_a_message_is_made_and_sent_in_one_request(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        drafts = await box(client)
        email = {
            "mailboxIds": {drafts: True},
            "from": [{"email": ALICE}],
            "to": [{"email": BOB}],
            **TEXT,
        }
        answers = await client.responses(
            ["Email/set", {"accountId": client.account, "create": {"e": email}}],
            [
                "EmailSubmission/set",
                {
                    "accountId": client.account,
                    "create": {"s": {"identityId": await identity(client), "emailId": "#e"}},
                    "onSuccessDestroyEmail": ["#s"],
                },
            ],
        )
        ident = answers[0][1]["created"]["e"]["id"]
        assert answers[2][1]["destroyed"] == [ident]
        assert await inbox(client, BOB) == 1

    tell(database, data, story)


def test_it_is_taken_back_in_time(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        email = await draft(client)
        ids = [
            (await send(client, email, envelope=later(600, BOB, FAR)))["created"]["s"]["id"]
            for _ in range(2)
        ]
        assert await inbox(client, BOB) == 0
        first, second = ids
        state = (await client.call("EmailSubmission/get"))["state"]
        for one in (await client.call("EmailSubmission/get"))["list"]:
            assert one["undoStatus"] == "pending"
        answer = await client.call(
            "EmailSubmission/set", update={first: {"undoStatus": "canceled"}}
        )
        assert answer["updated"] == {first: None}
        (found,) = (await client.call("EmailSubmission/get", ids=[first]))["list"]
        assert found["undoStatus"] == "canceled"
        assert found["deliveryStatus"][FAR]["delivered"] == "no"
        assert len((await queue.page(client.office)).items) == 1
        told = await client.call("EmailSubmission/changes", sinceState=state)
        assert told["updated"] == [first]
        assert told["newState"] == answer["newState"]
        client.clock.advance(seconds=601)
        answer = await client.call(
            "EmailSubmission/set", update={second: {"undoStatus": "canceled"}}
        )
        assert answer["notUpdated"][second]["type"] == "cannotUnsend"
        assert answer["newState"] == answer["oldState"]
        for patch in ({"undoStatus": "pending"}, {"emailId": "M7"}, {"undoStatus": "lost"}):
            answer = await client.call("EmailSubmission/set", update={second: patch})
            assert answer["notUpdated"][second]["type"] == "invalidProperties"
        answer = await client.call("EmailSubmission/set", destroy=[first, "S7"])
        assert answer["destroyed"] == [first]
        assert answer["notDestroyed"]["S7"]["type"] == "notFound"
        told = await client.call("EmailSubmission/changes", sinceState=state)
        assert told["destroyed"] == [first]
        answer = await client.call("EmailSubmission/set", update={first: {}})
        assert answer["notUpdated"][first]["type"] == "notFound"
        assert len((await queue.page(client.office)).items) == 1

    tell(database, data, story)


def test_what_is_not_sent(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        email = await draft(client)
        party = {"email": ALICE, "parameters": None}
        for more, kind in (
            ({"identityId": "I7"}, "invalidProperties"),
            ({"emailId": "M7"}, "invalidProperties"),
            ({"emailId": "#none"}, "invalidProperties"),
            ({"sendAt": "2026-12-24T18:00:00Z"}, "invalidProperties"),
            ({"undoStatus": "final"}, "invalidProperties"),
            ({"envelope": {"mailFrom": party}}, "invalidProperties"),
            ({"envelope": {"mailFrom": party, "rcptTo": []}}, "noRecipients"),
            ({"envelope": later(31 * 86_400, BOB)}, "invalidProperties"),
            ({"envelope": later(1, "no address", BOB)}, "invalidRecipients"),
            ({"envelope": later(1, "nobody@demo.test", BOB)}, "invalidRecipients"),
            (
                {"envelope": {"mailFrom": {**party, "email": BOB}, "rcptTo": [party]}},
                "forbiddenMailFrom",
            ),
            (
                {
                    "envelope": {
                        "mailFrom": {"email": ALICE, "parameters": {"BY": "60;R"}},
                        "rcptTo": [party],
                    }
                },
                "invalidProperties",
            ),
            (
                {
                    "envelope": {
                        "mailFrom": {"email": ALICE, "parameters": {"RET": "FULL BODY=7BIT"}},
                        "rcptTo": [party],
                    }
                },
                "invalidProperties",
            ),
        ):
            error = await refused(client, email, **more)
            assert error["type"] == kind, (more, error)
            if kind == "invalidRecipients":
                assert BOB not in error["invalidRecipients"]
        most = client.office.config.limits.max_recipients
        many = later(1, *[f"a{n}@far.test" for n in range(most + 1)])
        error = await refused(client, email, envelope=many)
        assert (error["type"], error["maxRecipients"]) == ("tooManyRecipients", most)
        foreign = await draft(client, **{"from": [{"email": BOB}], "sender": [{"email": ALICE}]})
        assert (await refused(client, foreign))["type"] == "forbiddenFrom"
        unsigned = await draft(client, **{"from": None})
        error = await refused(client, unsigned)
        assert (error["type"], error["properties"]) == ("invalidEmail", ["from"])
        lonely = await draft(client, to=None, bcc=None)
        assert (await refused(client, lonely))["type"] == "noRecipients"
        error = await client.fails("EmailSubmission/set", ifInState="x", create={})
        assert error["type"] == "stateMismatch"
        assert await inbox(client, BOB) == 0

    tell(database, data, story)


def test_nobody_sends_to_more_than_they_may_in_a_day(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        await accounts.change(client.office, ALICE, send_limit=1)
        email = await draft(client)
        assert (await refused(client, email))["type"] == "rateLimit"
        party = {"email": ALICE, "parameters": None}
        few = {"mailFrom": party, "rcptTo": [{"email": BOB, "parameters": None}]}
        assert (await send(client, email, envelope=few))["notCreated"] is None

    tell(database, data, story)


def test_parameters_are_those_of_smtp(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        envelope = {
            "mailFrom": {"email": ALICE, "parameters": {"ENVID": "a+b", "ret": "HDRS"}},
            "rcptTo": [
                {
                    "email": FAR,
                    "parameters": {"NOTIFY": "FAILURE,DELAY", "ORCPT": "rfc822;x=y@far.test"},
                }
            ],
        }
        email = await draft(client)
        (await send(client, email, envelope=envelope))["created"]["s"]
        row = await client.office.db.read(
            lambda tx: tx.one(
                "SELECT q.envid, q.ret, d.notify, d.orcpt FROM queued q"
                " JOIN delivery d ON d.queued_id = q.id"
            )
        )
        assert row is not None
        assert (bytes(row[0]), row[1], row[2], bytes(row[3])) == (
            b"a+2Bb", "HDRS", "FAILURE,DELAY", b"rfc822;x+3Dy@far.test",
        )  # fmt: skip
        (found,) = (await client.call("EmailSubmission/get"))["list"]
        assert found["envelope"] == envelope

    tell(database, data, story)


def test_queries_and_changes(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        state = (await client.call("EmailSubmission/get"))["state"]
        emails = [await draft(client), await draft(client)]
        ids = []
        for email, seconds in zip(emails, (60, 600), strict=True):
            answer = await send(client, email, envelope=later(seconds, FAR))
            ids.append(answer["created"]["s"]["id"])
        first, second = ids

        async def found(filter_: Any, **more: Any) -> list[str]:
            return list((await client.call("EmailSubmission/query", filter=filter_, **more))["ids"])

        (told,) = (await client.call("EmailSubmission/get", ids=[second]))["list"]
        assert await found(None) == ids
        assert await found(None, sort=[{"property": "sentAt", "isAscending": False}]) == ids[::-1]
        assert await found({"emailIds": [emails[0]]}) == [first]
        assert await found({"threadIds": [told["threadId"]]}) == [second]
        assert await found({"identityIds": ["I7"]}) == []
        assert await found({"before": told["sendAt"]}) == [first]
        assert await found({"after": told["sendAt"]}) == [second]
        assert await found({"undoStatus": "pending"}) == ids
        client.clock.advance(seconds=61)
        assert await found({"undoStatus": "final"}) == [first]
        page = await client.call("EmailSubmission/query", position=1, limit=1, calculateTotal=True)
        assert (page["ids"], page["position"], page["total"]) == ([second], 1, 2)
        for filter_, kind in (
            ({"other": 1}, "unsupportedFilter"),
            ({"before": "x"}, "invalidArguments"),
            ({"undoStatus": "x"}, "invalidArguments"),
            ({"emailIds": "x"}, "invalidArguments"),
        ):
            error = await client.fails("EmailSubmission/query", filter=filter_)
            assert error["type"] == kind
        error = await client.fails("EmailSubmission/queryChanges", sinceQueryState="x")
        assert error["type"] == "cannotCalculateChanges"
        one = await client.call("EmailSubmission/changes", sinceState=state, maxChanges=1)
        assert (one["created"], one["hasMoreChanges"]) == ([first], True)
        two = await client.call("EmailSubmission/changes", sinceState=one["newState"])
        assert (two["created"], two["hasMoreChanges"]) == ([second], False)
        assert two["newState"] == (await client.call("EmailSubmission/get"))["state"]
        for wrong in ("", "x", "s0", "s-1.0", "sffffff.0"):
            error = await client.fails("EmailSubmission/changes", sinceState=wrong)
            assert error["type"] == "cannotCalculateChanges"

    tell(database, data, story)


@pytest.mark.parametrize("rights", ["read", "full"])
def test_who_may_post_for_somebody(database: Opener, data: Path, rights: str) -> None:
    async def story(client: Client) -> None:
        bob = await client.another(BOB)
        inbox_of_bob = await box(bob, "inbox")
        wish = {
            "mailboxIds": {inbox_of_bob: True},
            "from": [{"email": BOB}],
            "to": [{"email": ALICE}],
            **TEXT,
        }
        email = (await made(bob, wish))["id"]
        theirs = account_id(int(bob.account[1:], 16))
        named = await identity(bob)
        await shares.add(client.office, BOB, ALICE, rights)
        answer = await client.call(
            "EmailSubmission/set",
            accountId=theirs,
            create={"s": {"identityId": named, "emailId": email}},
        )
        if rights == "read":
            assert answer["notCreated"]["s"]["properties"] == ["identityId"]
            assert await inbox(client, ALICE) == 0
        else:
            assert set(answer["created"]) == {"s"}
            assert await inbox(client, ALICE) == 1
            number = int(theirs[1:], 16)
            kept = await client.office.db.read(lambda tx: rows.every(tx, number, 9))
            assert len(kept) == 1

    tell(database, data, story)


def test_a_password_for_reading_sends_nothing(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        email = await draft(client)
        wish = {"create": {"s": {"identityId": await identity(client), "emailId": email}}}
        made_now = await credentials.add_app(client.office, ALICE, "phone", ["imap"])
        client.identify(ALICE, made_now)
        assert (await client.fails("EmailSubmission/set", wish))["type"] == "forbidden"
        away = {"update": {"singleton": {"isEnabled": True}}}
        assert (await client.fails("VacationResponse/set", away))["type"] == "forbidden"
        assert await inbox(client, BOB) == 0
        assert (await client.call("VacationResponse/get"))["list"][0]["isEnabled"] is False
        both = await credentials.add_app(client.office, ALICE, "laptop", ["imap", "smtp"])
        client.identify(ALICE, both)
        assert set((await client.call("EmailSubmission/set", wish))["created"]) == {"s"}

    tell(database, data, story)
