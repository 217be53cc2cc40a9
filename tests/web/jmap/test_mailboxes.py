"""Mailbox/get, /changes, /query and /queryChanges through the door."""

from pathlib import Path
from typing import Any

import pytest

from postroom.access.folders import Folders
from postroom.access.places import Places
from postroom.access.view import FlagChange, View
from postroom.admin import shares
from postroom.admin.office import Office
from postroom.web.jmap import mailboxes
from tests.conftest import Opener
from tests.web.jmap.client import ALICE, BOB, Client, tell
from tests.web.jmap.mail import boxes, file

COUNTS = ("totalEmails", "unreadEmails", "totalThreads", "unreadThreads")


async def folders_of(office: Office, address: str = ALICE) -> Folders:
    identity = await office.directory.known(address)
    assert identity is not None
    return Folders(identity, office.store, Places(identity, office.store, office.directory))


async def view_of(office: Office, name: str, address: str = ALICE) -> View:
    identity = await office.directory.known(address)
    assert identity is not None
    place = await Places(identity, office.store, office.directory).get(name)
    return await View.open(place, office.store, read_only=False)


async def named(client: Client, name: str, **more: Any) -> Any:
    found = await client.call("Mailbox/get", **more)
    return next(one for one in found["list"] if one["name"] == name)


def test_what_a_new_account_has(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        found = await client.call("Mailbox/get")
        by_role = {one["role"]: one for one in found["list"]}
        assert set(by_role) == {"inbox", "drafts", "sent", "junk", "trash", "archive"}
        inbox = by_role["inbox"]
        assert (inbox["name"], inbox["parentId"], inbox["isSubscribed"]) == ("Inbox", None, True)
        assert [inbox[name] for name in COUNTS] == [0, 0, 0, 0]
        assert not inbox["myRights"]["mayDelete"]
        assert by_role["sent"]["myRights"]["mayDelete"]
        some = await client.call(
            "Mailbox/get", ids=[inbox["id"], "Fzz", "F1", inbox["id"]], properties=["role"]
        )
        assert some["list"] == [{"id": inbox["id"], "role": "inbox"}]
        assert some["notFound"] == ["Fzz", "F1"]
        assert some["state"] == found["state"]
        error = await client.fails("Mailbox/get", properties=["color"])
        assert error["type"] == "invalidArguments"

    tell(database, data, story)


def test_counts_are_of_emails_that_are_shown(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        one = b"Message-ID: <a@x>\r\n\r\na"
        answer = b"Message-ID: <b@x>\r\nReferences: <a@x>\r\n\r\nb"
        await file(client, one, answer, b"\r\nc")
        await file(client, b"\r\nd", flags=8)
        await file(client, b"\r\ne", flags=16)
        inbox = await named(client, "Inbox")
        assert [inbox[name] for name in COUNTS] == [4, 3, 3, 2]
        view = await view_of(client.office, "INBOX")
        await view.copy([(3, 3)], (await view_of(client.office, "Archive")).place)
        await view.store([(3, 3)], FlagChange("add", 1))
        assert [(await named(client, "Archive"))[name] for name in COUNTS] == [1, 0, 1, 0]

    tell(database, data, story)


def test_a_tree(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        folders = await folders_of(client.office)
        await folders.create("Work/b/deep")
        await folders.create("Work/A")
        await folders.delete("Work/b")
        ids = await boxes(client)
        deep = await named(client, "b/deep")
        assert deep["parentId"] == ids["Work"]
        order = [{"property": "name"}]
        found = await client.call("Mailbox/query", sort=order, sortAsTree=True, calculateTotal=True)
        names = {ident: name for name, ident in ids.items()}
        assert [names[one] for one in found["ids"]][-3:] == ["Work", "A", "b/deep"]
        assert (found["total"], found["canCalculateChanges"]) == (9, False)
        only = {"parentId": ids["Work"]}
        found = await client.call("Mailbox/query", filter=only, sort=order)
        assert [names[one] for one in found["ids"]] == ["A", "b/deep"]
        assert "total" not in found
        found = await client.call("Mailbox/query", filter=only, filterAsTree=True)
        assert found["ids"] == []
        error = await client.fails(
            "Mailbox/queryChanges", sinceQueryState=found["queryState"], sortAsTree=True
        )
        assert error["type"] == "cannotCalculateChanges"

    tell(database, data, story)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"role": "sent"}, ["Sent"]),
        ({"role": None}, ["x Ünter"]),
        ({"hasAnyRole": False}, ["x Ünter"]),
        ({"name": "ünt"}, ["x Ünter"]),
        ({"name": "r", "hasAnyRole": True}, ["Drafts", "Trash", "Archive"]),
        ({"isSubscribed": False}, ["x Ünter"]),
        ({"parentId": None, "name": "S"}, ["Drafts", "Sent", "Trash"]),
        ({"operator": "NOT", "conditions": [{"hasAnyRole": True}]}, ["x Ünter"]),
        (
            {"operator": "OR", "conditions": [{"role": "inbox"}, {"name": "junk"}]},
            ["Inbox", "Junk"],
        ),
    ],
)
def test_filters(database: Opener, data: Path, given: Any, expected: list[str]) -> None:
    async def story(client: Client) -> None:
        await (await folders_of(client.office)).create("x Ünter")
        ids = await boxes(client)
        found = await client.call("Mailbox/query", filter=given)
        assert {one for one in ids if ids[one] in found["ids"]} == set(expected)

    tell(database, data, story)


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ({"filter": {"color": 1}}, "unsupportedFilter"),
        ({"filter": {"name": 1}}, "invalidArguments"),
        ({"sort": [{"property": "color"}]}, "unsupportedSort"),
        ({"sortAsTree": 1}, "invalidArguments"),
        ({"position": "x"}, "invalidArguments"),
        ({"anchor": "F1"}, "anchorNotFound"),
    ],
)
def test_queries_that_are_refused(database: Opener, data: Path, arguments: Any, kind: str) -> None:
    async def story(client: Client) -> None:
        assert (await client.fails("Mailbox/query", arguments))["type"] == kind

    tell(database, data, story)


def test_sorts_and_windows(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        names = {ident: name for name, ident in (await boxes(client)).items()}
        by_name = [{"property": "name", "isAscending": False}]
        found = await client.call("Mailbox/query", sort=by_name, position=1, limit=2)
        assert [names[one] for one in found["ids"]] == ["Sent", "Junk"]
        assert found["position"] == 1
        by_order = [{"property": "parentId"}, {"property": "sortOrder"}]
        found = await client.call("Mailbox/query", sort=by_order, position=-2)
        assert [names[one] for one in found["ids"]] == ["Junk", "Trash"]

    tell(database, data, story)


def test_changes_are_followed(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        folders = await folders_of(client.office)
        before = (await client.call("Mailbox/get"))["state"]
        asked = {"filter": {"hasAnyRole": False}, "sort": [{"property": "name"}]}
        results = await client.call("Mailbox/query", asked)
        told = await client.call("Mailbox/changes", sinceState=before)
        assert (told["created"], told["updated"], told["newState"]) == ([], [], before)
        await file(client, b"\r\na")
        told = await client.call("Mailbox/changes", sinceState=before)
        ids = await boxes(client)
        assert (told["updated"], set(told["updatedProperties"])) == ([ids["Inbox"]], set(COUNTS))
        await folders.create("One")
        await folders.create("Two")
        await folders.delete("Sent")
        await folders.unsubscribe("Trash")
        told = await client.call("Mailbox/changes", sinceState=before)
        ids = await boxes(client)
        assert set(told["created"]) == {ids["One"], ids["Two"]}
        assert set(told["updated"]) == {ids["Inbox"], ids["Trash"]}
        assert told["updatedProperties"] is None
        assert len(told["destroyed"]) == 1
        found = await client.call(
            "Mailbox/queryChanges", asked, sinceQueryState=results["queryState"]
        )
        assert found["added"] == [{"id": ids["One"], "index": 0}, {"id": ids["Two"], "index": 1}]
        assert set(found["removed"]) == {ids["Inbox"], ids["Trash"], told["destroyed"][0]}
        error = await client.fails(
            "Mailbox/queryChanges", asked, sinceQueryState=results["queryState"], maxChanges=1
        )
        assert error["type"] == "tooManyChanges"

    tell(database, data, story)


def test_changes_come_in_pieces(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        folders = await folders_of(client.office)
        state = (await client.call("Mailbox/get"))["state"]
        for name in ("One", "Two", "Three"):
            await folders.create(name)
        await folders.delete("Sent")
        seen: list[str] = []
        more = True
        while more:
            told = await client.call("Mailbox/changes", sinceState=state, maxChanges=1)
            some = told["created"] + told["updated"] + told["destroyed"]
            assert len(some) == 1
            seen += some
            if len(seen) == 2:
                await folders.delete("Junk")
            state, more = told["newState"], told["hasMoreChanges"]
        assert len(set(seen)) == 5
        assert state == (await client.call("Mailbox/get"))["state"]
        for wrong in (0, -1, "x"):
            error = await client.fails("Mailbox/changes", sinceState=state, maxChanges=wrong)
            assert error["type"] == "invalidArguments"
        error = await client.fails("Mailbox/changes", sinceState="nonsense")
        assert error["type"] == "cannotCalculateChanges"

    tell(database, data, story)


def test_what_others_share(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        await file(client, b"\r\na")
        await (await folders_of(client.office)).create("Team/open")
        await (await folders_of(client.office)).create("Team/shut")
        await shares.add(client.office, f"{ALICE}/INBOX", BOB, "read")
        await shares.add(client.office, f"{ALICE}/Team/open", BOB, "write")
        bob = await client.another(BOB)
        account = client.account
        found = await bob.call("Mailbox/get", accountId=account)
        by_name = {one["name"]: one for one in found["list"]}
        assert set(by_name) == {"Inbox", "Team/open"}
        inbox, team = by_name["Inbox"], by_name["Team/open"]
        assert (inbox["role"], inbox["totalEmails"], inbox["unreadEmails"]) == ("inbox", 1, 1)
        assert not inbox["isSubscribed"]
        assert not inbox["myRights"]["mayAddItems"]
        assert not inbox["myRights"]["maySubmit"]
        assert team["myRights"]["mayAddItems"]
        await (await view_of(client.office, f"Other Users/{ALICE}/INBOX", BOB)).store(
            [(1, 1)], FlagChange("add", 1)
        )
        told = await bob.call("Mailbox/changes", accountId=account, sinceState=found["state"])
        assert told["updated"] == [inbox["id"]]
        assert (await named(bob, "Inbox", accountId=account))["unreadEmails"] == 0
        assert (await named(client, "Inbox"))["unreadEmails"] == 1
        await shares.remove(client.office, f"{ALICE}/INBOX", BOB)
        told = await bob.call("Mailbox/changes", accountId=account, sinceState=told["newState"])
        assert told["destroyed"] == [inbox["id"]]
        error = await client.fails("Mailbox/get", accountId=bob.account)
        assert error["type"] == "accountNotFound"

    tell(database, data, story)


def test_there_are_methods_for_each(database: Opener, data: Path) -> None:
    assert set(mailboxes.METHODS) >= {"Mailbox/get", "Mailbox/changes", "Mailbox/query"}

    async def story(client: Client) -> None:
        for name in mailboxes.METHODS:
            error = await client.fails(name, surprise=1)
            assert error["type"] == "invalidArguments"

    tell(database, data, story)
