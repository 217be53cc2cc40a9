"""Mailbox/set through the door: what is done, what is refused, and the state after it."""

from pathlib import Path
from typing import Any

import pytest

from postroom.admin import shares
from tests.conftest import Opener
from tests.web.jmap.client import ALICE, BOB, Client, tell
from tests.web.jmap.mail import boxes, file
from tests.web.jmap.test_mailboxes import folders_of, named


async def made(client: Client, **given: Any) -> str:
    told = await client.call("Mailbox/set", create={"a": given})
    assert told["notCreated"] is None, told
    return str(told["created"]["a"]["id"])


async def refused(client: Client, what: str, change: Any, **more: Any) -> Any:
    """The SetError of one object; nothing has changed."""
    before = await client.call("Mailbox/get")
    told = await client.call("Mailbox/set", {what: change}, **more)
    errors = {"create": "notCreated", "update": "notUpdated", "destroy": "notDestroyed"}
    assert (await client.call("Mailbox/get")) == before
    assert told["newState"] == told["oldState"]
    (error,) = told[errors[what]].values()
    return error


def test_mailboxes_are_made(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        told = await client.call(
            "Mailbox/set",
            create={
                "child": {"name": "In ü", "parentId": "#top", "isSubscribed": True, "sortOrder": 7},
                "top": {"name": "Work", "role": None},
            },
        )
        top, child = told["created"]["top"], told["created"]["child"]
        assert (child["parentId"], child["sortOrder"], child["isSubscribed"]) == (
            top["id"],
            7,
            True,
        )
        assert (top["totalEmails"], top["isSubscribed"], top["sortOrder"]) == (0, False, 10)
        assert told["newState"] != told["oldState"]
        assert (await named(client, "In ü"))["id"] == child["id"]
        folders = await folders_of(client.office)
        assert "Work/In ü" in [one.name for one in await folders.list()]
        state = await client.call("Mailbox/get", ids=[])
        assert state["state"] == told["newState"]
        error = await client.fails("Mailbox/set", ifInState=told["oldState"], create={})
        assert error["type"] == "stateMismatch"

    tell(database, data, story)


@pytest.mark.parametrize(
    ("given", "property_"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": 7}, "name"),
        ({"name": "a/b"}, "name"),
        ({"name": "Sent"}, "name"),
        ({"name": "inbox"}, "name"),
        ({"name": "a*"}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"name": "a", "parentId": "F99"}, "parentId"),
        ({"name": "a", "parentId": "#none"}, "parentId"),
        ({"name": "a", "parentId": 7}, "parentId"),
        ({"name": "a", "role": "inbox"}, "role"),
        ({"name": "a", "role": "king"}, "role"),
        ({"name": "a", "sortOrder": -1}, "sortOrder"),
        ({"name": "a", "sortOrder": 1 << 31}, "sortOrder"),
        ({"name": "a", "isSubscribed": "yes"}, "isSubscribed"),
        ({"name": "a", "totalEmails": 0}, "totalEmails"),
        ({"name": "a", "color": "red"}, "color"),
    ],
)
def test_what_can_not_be_made(database: Opener, data: Path, given: Any, property_: str) -> None:
    async def story(client: Client) -> None:
        error = await refused(client, "create", {"a": given})
        assert error["type"] == "invalidProperties"
        assert property_ in error["properties"]

    tell(database, data, story)


def test_mailboxes_are_changed(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        top = await made(client, name="Top", isSubscribed=True)
        child = await made(client, name="Child", parentId=top, isSubscribed=True)
        (email,) = await file(client, b"\r\na", mailbox="Top/Child")
        told = await client.call(
            "Mailbox/set",
            update={
                top: {"name": "New", "sortOrder": 3, "role": "archive"},
                child: {"parentId": None, "isSubscribed": False},
            },
        )
        assert told["updated"] == {top: None, child: None}
        one, other = await named(client, "New"), await named(client, "Child")
        assert (one["id"], one["sortOrder"], one["role"], one["isSubscribed"]) == (
            top, 3, "archive", True,
        )  # fmt: skip
        assert (other["id"], other["parentId"], other["isSubscribed"]) == (child, None, False)
        assert other["totalEmails"] == 1
        assert (await named(client, "Archive"))["role"] is None
        got = await client.call("Email/get", ids=[email], properties=["mailboxIds"])
        assert got["list"][0]["mailboxIds"] == {child: True}
        await client.call(
            "Mailbox/set", update={child: {"parentId": top}, top: {"role": None, "name": "Newer"}}
        )
        assert (await named(client, "Newer"))["role"] is None
        assert (await named(client, "Child"))["parentId"] == top
        same = await client.call(
            "Mailbox/set", update={top: {"name": "Newer", "totalEmails": 0, "isSubscribed": None}}
        )
        assert same["updated"] == {top: None}
        assert not (await named(client, "Newer"))["isSubscribed"]

    tell(database, data, story)


def test_subscriptions_go_with_a_name(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        top = await made(client, name="Top")
        await made(client, name="Child", parentId=top, isSubscribed=True)
        await client.call("Mailbox/set", update={top: {"name": "Other"}})
        assert (await named(client, "Child"))["isSubscribed"]
        assert not (await named(client, "Other"))["isSubscribed"]
        names = await (await folders_of(client.office)).subscriptions()
        assert "Other/Child" in names
        assert "Top/Child" not in names

    tell(database, data, story)


@pytest.mark.parametrize(
    ("patch", "kind"),
    [
        ({"name": None}, "invalidProperties"),
        ({"name": "Trash"}, "invalidProperties"),
        ({"parentId": "SELF"}, "invalidProperties"),
        ({"totalEmails": 5}, "invalidProperties"),
        ({"id": "F1"}, "invalidProperties"),
        ({"color": 1}, "invalidProperties"),
        ({"role": "inbox"}, "invalidProperties"),
        ({"myRights/mayDelete": False}, "invalidProperties"),
        ({"name/x": "a"}, "invalidPatch"),
    ],
)
def test_what_can_not_be_changed(database: Opener, data: Path, patch: Any, kind: str) -> None:
    async def story(client: Client) -> None:
        sent = (await boxes(client))["Sent"]
        wish = {name: sent if value == "SELF" else value for name, value in patch.items()}
        error = await refused(client, "update", {sent: wish})
        assert error["type"] == kind

    tell(database, data, story)


def test_the_inbox_stays(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        ids = await boxes(client)
        for patch, kind in (
            ({"name": "Other"}, "forbidden"),
            ({"parentId": ids["Sent"]}, "forbidden"),
            ({"role": None}, "invalidProperties"),
            ({"role": "sent"}, "invalidProperties"),
        ):
            error = await refused(client, "update", {ids["Inbox"]: patch})
            assert error["type"] == kind
        error = await refused(client, "destroy", [ids["Inbox"]], onDestroyRemoveEmails=True)
        assert error["type"] == "forbidden"
        told = await client.call("Mailbox/set", update={ids["Inbox"]: {"sortOrder": 99}})
        assert told["notUpdated"] is None
        assert (await named(client, "Inbox"))["sortOrder"] == 99
        assert (await refused(client, "update", {"F1": {}}))["type"] == "notFound"

    tell(database, data, story)


def test_mailboxes_are_deleted(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        top = await made(client, name="Top")
        child = await made(client, name="Child", parentId=top)
        (email,) = await file(client, b"\r\na", mailbox="Top/Child")
        assert (await refused(client, "destroy", [top]))["type"] == "mailboxHasChild"
        assert (await refused(client, "destroy", [child]))["type"] == "mailboxHasEmail"
        assert (await refused(client, "destroy", ["F1"]))["type"] == "notFound"
        told = await client.call("Mailbox/set", destroy=[child, top], onDestroyRemoveEmails=True)
        assert told["destroyed"] == [child, top]
        assert {top, child}.isdisjoint((await boxes(client)).values())
        assert (await client.call("Email/get", ids=[email]))["notFound"] == [email]
        changes = await client.call("Mailbox/changes", sinceState=told["oldState"])
        assert set(changes["destroyed"]) == {top, child}

    tell(database, data, story)


def test_with_the_rights_that_were_given(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        await made(client, name="Team")
        shut = await made(client, name="Shut")
        account = client.account
        await shares.add(client.office, f"{ALICE}/Shut", BOB, "lr")
        bob = await client.another(BOB)
        error = await bob.fails("Mailbox/set", accountId=account, create={"a": {"name": "x"}})
        assert error["type"] == "accountReadOnly"
        await shares.add(client.office, f"{ALICE}/Team", BOB, "full")
        team = (await boxes(bob, account))["Team"]
        told = await bob.call(
            "Mailbox/set",
            accountId=account,
            create={
                "in": {"name": "In", "parentId": team, "isSubscribed": True},
                "top": {"name": "Top"},
                "role": {"name": "R", "parentId": team, "role": "sent"},
            },
            update={shut: {"name": "Open"}},
            destroy=[shut],
        )
        assert list(told["created"]) == ["in"]
        assert told["created"]["in"]["isSubscribed"]
        assert told["notCreated"]["top"]["type"] == "forbidden"
        assert told["notCreated"]["role"]["properties"] == ["role"]
        assert told["notDestroyed"][shut]["type"] == "forbidden"
        assert told["notUpdated"][shut]["type"] in {"forbidden", "willDestroy"}
        assert {"Team", "Shut", "In"} <= set(await boxes(client))
        assert "Top" not in await boxes(client)
        inside = told["created"]["in"]["id"]
        told = await bob.call("Mailbox/set", accountId=account, update={inside: {"name": "Inner"}})
        assert told["updated"] == {inside: None}
        assert (await named(client, "Inner"))["parentId"] == team
        assert (await named(bob, "Inner", accountId=account))["isSubscribed"]

    tell(database, data, story)
