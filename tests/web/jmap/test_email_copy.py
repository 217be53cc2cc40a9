"""Email/copy: between one's own account and that of somebody who shares it."""

from pathlib import Path
from typing import Any

from postroom.admin import shares
from postroom.web.jmap.account import account_id
from tests.conftest import Opener
from tests.web.jmap.client import ALICE, BOB, Client, tell
from tests.web.jmap.test_email_set import TEXT, box, made, shown


def test_it_is_copied_and_moved(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        bob = await client.another(BOB)
        inbox, archive = await box(bob, "inbox"), await box(client, "archive")
        wish = {"mailboxIds": {inbox: True}, "keywords": {"$flagged": True, "x": True}, **TEXT}
        email = (await made(bob, wish))["id"]
        theirs = account_id(int(bob.account[1:], 16))
        await shares.add(client.office, BOB, ALICE, "full")

        async def copy(given: dict[str, Any], **more: Any) -> list[list[Any]]:
            return await client.responses(
                [
                    "Email/copy",
                    {
                        "fromAccountId": theirs,
                        "accountId": client.account,
                        "create": {"c": given},
                        **more,
                    },
                ]
            )

        good = {"id": email, "mailboxIds": {archive: True}}
        for change, kind in (
            ({"id": "M7"}, "notFound"),
            ({"id": None}, "invalidProperties"),
            ({"mailboxIds": {}}, "invalidProperties"),
            ({"subject": "x"}, "invalidProperties"),
        ):
            ((_, answer, _),) = await copy({**good, **change}, onSuccessDestroyOriginal=True)
            assert answer["notCreated"]["c"]["type"] == kind
            assert answer["oldState"] == answer["newState"]
        for more, kind in (
            ({"ifInState": "x"}, "stateMismatch"),
            ({"ifFromInState": "x"}, "stateMismatch"),
            ({"fromAccountId": "Af"}, "fromAccountNotFound"),
            ({"fromAccountId": client.account}, "invalidArguments"),
        ):
            ((name, answer, _),) = await copy(good, **more)
            assert (name, answer["type"]) == ("error", kind)
        ((_, answer, _),) = await copy({**good, "receivedAt": "2025-01-01T00:00:00Z"})
        new = answer["created"]["c"]
        found = await shown(client, new["id"])
        assert (found["mailboxIds"], found["keywords"]) == (
            {archive: True}, {"$flagged": True, "x": True},
        )  # fmt: skip
        assert found["receivedAt"] == "2025-01-01T00:00:00Z"
        assert {name: found[name] for name in new} == new
        assert (await shown(bob, email))["receivedAt"] != found["receivedAt"]
        ((_, answer, _),) = await copy(good)
        assert answer["notCreated"]["c"] == {
            "type": "alreadyExists",
            "description": "the Email is there already",
            "existingId": new["id"],
        }
        await client.call("Email/set", destroy=[new["id"]])
        answers = await copy({**good, "keywords": {"$seen": True}}, onSuccessDestroyOriginal=True)
        assert [one[0] for one in answers] == ["Email/copy", "Email/set"]
        assert answers[1][1]["destroyed"] == [email]
        found = await shown(client, answers[0][1]["created"]["c"]["id"])
        assert found["keywords"] == {"$seen": True}
        assert (await bob.call("Email/get", ids=[email]))["notFound"] == [email]

    tell(database, data, story)
