"""Identities: what a person may write as, what they make of it, and what a client is told."""

from pathlib import Path
from typing import Any

import pytest

from postroom.admin import accounts, sending, shares
from postroom.directory import identities as rows
from postroom.web.jmap.account import account_id
from postroom.web.jmap.identities import MOST
from postroom.web.mail import signature
from postroom.web.mail.reader import Reader
from tests.conftest import Opener
from tests.web.jmap.client import ALICE, BOB, Client, tell


async def every(client: Client, **more: Any) -> dict[str, dict[str, Any]]:
    got = await client.call("Identity/get", **more)
    return {one["id"]: one for one in got["list"]}


async def named(client: Client, email: str) -> dict[str, Any]:
    (found,) = [one for one in (await every(client)).values() if one["email"] == email]
    return found


async def refused(client: Client, change: dict[str, Any], group: str, key: str) -> dict[str, Any]:
    before = await client.call("Identity/get")
    found = await client.call("Identity/set", change)
    assert found["oldState"] == found["newState"] == before["state"]
    assert await client.call("Identity/get") == before
    return dict(found[group][key])


def test_every_address_is_one(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        office = client.office
        first = await named(client, ALICE)
        assert first == {
            "id": first["id"],
            "name": "Alice",
            "email": ALICE,
            "replyTo": None,
            "bcc": None,
            "textSignature": "",
            "htmlSignature": "",
            "mayDelete": False,
        }
        await accounts.add_address(office, ALICE, "al@demo.test")
        await sending.grant(office, ALICE, "sales@far.test")
        await sending.grant(office, ALICE, "@demo.test")
        assert [one["email"] for one in (await every(client)).values()] == [
            ALICE, "al@demo.test", "*@demo.test", "sales@far.test",
        ]  # fmt: skip
        got = await client.call("Identity/get", ids=["x", first["id"]], properties=["email"])
        assert got["list"] == [{"id": first["id"], "email": ALICE}]
        assert got["notFound"] == ["x"]

    tell(database, data, story)


def test_signatures_are_those_of_the_browser(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        alice = await client.office.directory.known(ALICE)
        assert alice is not None
        reader = Reader(client.office, alice)
        await signature.write(reader, "all of them")
        found = await named(client, ALICE)
        assert found["textSignature"] == "all of them"
        patch = {"textSignature": "mine", "htmlSignature": "<b>mine</b>"}
        await client.call("Identity/set", update={found["id"]: patch})
        assert await signature.read(reader, ALICE) == "mine"
        found = await named(client, ALICE)
        assert (found["textSignature"], found["htmlSignature"]) == ("mine", "<b>mine</b>")
        changed = await client.call("Identity/set", update={found["id"]: {"textSignature": ""}})
        assert changed["updated"] == {found["id"]: {"textSignature": "all of them"}}

    tell(database, data, story)


def test_people_make_others(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        wish = {
            "name": "Al",
            "email": ALICE,
            "replyTo": [{"name": None, "email": "r@far.test"}],
            "bcc": [{"name": "B", "email": BOB}],
            "textSignature": "t",
            "htmlSignature": "<p>",
        }
        made = await client.call("Identity/set", create={"a": wish, "b": {"email": ALICE}})
        ident = made["created"]["a"]["id"]
        assert made["created"]["a"] == {"id": ident, "mayDelete": True}
        assert (await every(client))[ident] == {"id": ident, "mayDelete": True, **wish}
        assert made["created"]["b"]["replyTo"] is None
        changed = await client.call("Identity/set", update={ident: {"name": "New", "bcc": None}})
        assert changed["updated"] == {ident: None}
        found = (await every(client))[ident]
        assert (found["name"], found["bcc"], found["textSignature"]) == ("New", None, "t")
        since = changed["newState"]
        gone = await client.call("Identity/set", destroy=[ident])
        assert gone["destroyed"] == [ident]
        assert ident not in await every(client)
        told = await client.call("Identity/changes", sinceState=since)
        assert (told["created"], told["updated"], told["destroyed"]) == ([], [], [ident])

    tell(database, data, story)


@pytest.mark.parametrize(
    ("given", "kind", "properties"),
    [
        ({}, "invalidProperties", ["email"]),
        ({"email": "no address"}, "invalidProperties", ["email"]),
        ({"email": 7}, "invalidProperties", ["email"]),
        ({"email": BOB}, "forbiddenFrom", None),
        ({"email": "*@demo.test"}, "forbiddenFrom", None),
        ({"email": ALICE, "id": "x"}, "invalidProperties", ["id"]),
        ({"email": ALICE, "mayDelete": True}, "invalidProperties", ["mayDelete"]),
        ({"email": ALICE, "other": 1}, "invalidProperties", ["other"]),
        ({"email": ALICE, "name": None}, "invalidProperties", ["name"]),
        ({"email": ALICE, "name": "a\nb"}, "invalidProperties", ["name"]),
        ({"email": ALICE, "replyTo": {}}, "invalidProperties", ["replyTo"]),
        ({"email": ALICE, "bcc": [{"email": "a b"}]}, "invalidProperties", ["bcc"]),
        ({"email": ALICE, "bcc": [{"email": "a@b"}] * 51}, "invalidProperties", ["bcc"]),
        ({"email": ALICE, "textSignature": "x" * 2001}, "invalidProperties", ["textSignature"]),
        ({"email": ALICE, "htmlSignature": "x" * 20_001}, "invalidProperties", ["htmlSignature"]),
    ],
)
def test_what_can_not_be_made(
    database: Opener, data: Path, given: dict[str, Any], kind: str, properties: list[str] | None
) -> None:
    async def story(client: Client) -> None:
        error = await refused(client, {"create": {"c": given}}, "notCreated", "c")
        assert (error["type"], error.get("properties")) == (kind, properties)

    tell(database, data, story)


def test_what_can_not_be_changed(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        ident = (await named(client, ALICE))["id"]
        for patch, properties in (
            ({"email": "x@demo.test"}, ["email"]),
            ({"mayDelete": True}, ["mayDelete"]),
            ({"id": "x"}, ["id"]),
            ({"textSignature": 7}, ["textSignature"]),
            ({"nothing": 7}, ["nothing"]),
        ):
            error = await refused(client, {"update": {ident: patch}}, "notUpdated", ident)
            assert (error["type"], error["properties"]) == ("invalidProperties", properties)
        error = await refused(client, {"destroy": [ident]}, "notDestroyed", ident)
        assert error["type"] == "forbidden"
        for group, change in (
            ("notUpdated", {"update": {"I7": {"name": "x"}}}),
            ("notDestroyed", {"destroy": ["I7"]}),
        ):
            assert (await refused(client, change, group, "I7"))["type"] == "notFound"
        error = await client.fails("Identity/set", ifInState="x", destroy=[ident])
        assert error["type"] == "stateMismatch"

    tell(database, data, story)


def test_there_are_not_too_many(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        many = {f"c{n}": {"email": ALICE} for n in range(MOST + 1)}
        made = await client.call("Identity/set", create=many)
        assert len(made["created"]) == MOST
        (error,) = made["notCreated"].values()
        assert error["type"] == "overQuota"
        number = int(client.account[1:], 16)
        assert await client.office.db.read(lambda tx: rows.made(tx, number)) == MOST

    tell(database, data, story)


def test_who_follows_the_changes_knows_all(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        state = (await client.call("Identity/get"))["state"]
        known = set(await every(client))
        made = await client.call(
            "Identity/set", create={one: {"email": ALICE} for one in ("a", "b", "c")}
        )
        first = made["created"]["a"]["id"]
        await client.call("Identity/set", update={first: {"name": "x"}})
        has_more = True
        rounds = 0
        while has_more:
            told = await client.call("Identity/changes", sinceState=state, maxChanges=2)
            assert told["oldState"] == state
            known = (known | set(told["created"])) - set(told["destroyed"])
            state, has_more = told["newState"], told["hasMoreChanges"]
            rounds += 1
        assert rounds == 2
        assert known == set(await every(client))
        assert state == (await client.call("Identity/get"))["state"]
        again = await client.call("Identity/changes", sinceState=state)
        assert [again[name] for name in ("created", "updated", "destroyed")] == [[], [], []]
        for wrong in ("", "x", "iAAAA", "i!"):
            error = await client.fails("Identity/changes", sinceState=wrong)
            assert error["type"] == "cannotCalculateChanges"
        error = await client.fails("Identity/changes", sinceState=state, maxChanges=0)
        assert error["type"] == "invalidArguments"

    tell(database, data, story)


def test_who_may_post_for_somebody_writes_as_them(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        bob = await client.office.directory.known(BOB)
        assert bob is not None
        theirs = account_id(bob.account_id)
        await shares.add(client.office, BOB, ALICE, "read")
        assert await every(client, accountId=theirs) == {}
        await shares.add(client.office, BOB, ALICE, "full")
        (found,) = (await every(client, accountId=theirs)).values()
        assert (found["email"], found["mayDelete"]) == (BOB, False)
        told = await client.call(
            "Identity/set",
            accountId=theirs,
            create={"c": {"email": BOB}},
            update={found["id"]: {"name": "x"}},
            destroy=["D1"],
        )
        assert told["notCreated"]["c"]["type"] == "forbidden"
        assert told["notUpdated"][found["id"]]["type"] == "forbidden"
        assert told["notDestroyed"]["D1"]["type"] == "forbidden"
        assert (await client.fails("Identity/get", accountId="Af"))["type"] == "accountNotFound"

    tell(database, data, story)
