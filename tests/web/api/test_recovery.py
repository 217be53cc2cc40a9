"""Refused and deleted messages through the API."""

from pathlib import Path

from postroom.db.ids import from_text
from postroom.store import mailboxes
from postroom.store.spans import Span
from tests.conftest import Opener
from tests.web.api.program import ADMIN, BOB, Program, tell

PATH = f"/accounts/{BOB}"


def test_deleted_messages_come_back(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        for subject in "abc":
            letter = {"from": ADMIN, "to": [BOB], "subject": subject, "text": "x"}
            await call.does("POST", "/messages", letter)
        store = call.office.store
        identity = await call.office.directory.known(BOB)
        assert identity is not None
        owner = identity.account_id
        inbox = await store.read(mailboxes.find, owner, "INBOX")
        assert inbox is not None
        await store.expunge(owner, inbox.id, Span(1, 3), flagged=False)
        first = await call.does("GET", f"{PATH}/deleted?limit=2&mailbox=INBOX")
        assert ([one["subject"] for one in first["items"]], first["total"]) == (["c", "b"], 3)
        rest = await call.does("GET", f"{PATH}/deleted?limit=2&after={first['next']}")
        assert [one["subject"] for one in rest["items"]] == ["a"]
        ident = rest["items"][0]["id"]
        assert from_text(ident)
        back = await call.does("POST", f"{PATH}/deleted/restore", {"ids": [ident]})
        assert back["mailboxes"] == {"INBOX": 1}
        gone = await call.does(
            "POST", f"{PATH}/deleted/purge", {"ids": [one["id"] for one in first["items"]]}
        )
        assert gone["messages"] == 2

    tell(database, data, story)


def test_refused_messages(database: Opener, data: Path) -> None:
    async def story(call: Program) -> None:
        assert (await call.does("GET", f"{PATH}/rejects"))["total"] == 0
        assert (await call("GET", f"{PATH}/rejects/x")).kind == "invalid"
        for what in ("release", "remove"):
            wrong = await call("POST", f"{PATH}/rejects/{what}", {"ids": ["0000000000000"]})
            assert wrong.kind == "not-found"
            assert (await call("POST", f"{PATH}/rejects/{what}", {"ids": []})).kind == "invalid"

    tell(database, data, story)
