"""Event streams."""

import contextlib
from pathlib import Path
from typing import Any

import pytest

from postroom.admin import accounts, credentials, shares
from postroom.web.connection import END
from postroom.web.jmap import events
from postroom.web.jmap.limits import MAX_STREAMS
from postroom.web.jmap.types import DELIVERY, TYPES
from tests.conftest import Opener
from tests.web.jmap.client import ALICE, BOB, Client, tell
from tests.web.jmap.listening import listening
from tests.web.jmap.mail import file
from tests.web.mail.letters import PLAIN


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes are not gathered, nor is the directory looked at every second only."""
    monkeypatch.setattr(events, "TOGETHER", 0.0)
    monkeypatch.setattr(events.Revisions.__init__, "__defaults__", (0.01,))


async def states(client: Client, *names: str, account: str = "") -> dict[str, str]:
    account = account or client.account
    answers = await client.responses(
        *([f"{name}/get", {"accountId": account, "ids": []}] for name in names)
    )
    return {name: answer[1]["state"] for name, answer in zip(names, answers, strict=True)}


def test_what_has_changed_is_told(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        async with listening(client, "types=*&closeafter=no&ping=0") as stream:
            assert stream.status == 200
            await file(client, PLAIN)
            client_inbox = (await client.office.account(ALICE)).id
            client.office.store.wake(client_inbox)
            changed = await stream.changed()
            assert set(changed) == {client.account}
            assert set(changed[client.account]) == {"Email", "Mailbox", "Thread", DELIVERY}
            now = await states(client, "Email", "Mailbox", "Thread")
            assert {one: changed[client.account][one] for one in now} == now
            client.office.store.wake(client_inbox)  # twice, and for nothing
            await file(client, PLAIN)
            client.office.store.wake(client_inbox)
            told: dict[str, str] = {}
            now = await states(client, "Email", "Mailbox", "Thread")
            while now.items() - told.items():  # perhaps one after the other
                told |= (await stream.changed())[client.account]

    tell(database, data, story)


def test_types_and_the_end_after_a_state(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        inbox = (await client.office.account(ALICE)).id
        async with (
            listening(client, "types=Mailbox,Nothing&closeafter=state&ping=0") as stream,
            listening(client, "types=Nothing&closeafter=no&ping=0") as other,
        ):
            await file(client, PLAIN)
            client.office.store.wake(inbox)
            assert set((await stream.changed())[client.account]) == {"Mailbox"}
            assert await stream.next() is None
            assert b"event" not in other.body

    tell(database, data, story)


def test_who_comes_back_is_told_what_was_missed(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        inbox = (await client.office.account(ALICE)).id
        async with listening(client, "types=Email&closeafter=state&ping=0") as stream:
            await file(client, PLAIN)
            client.office.store.wake(inbox)
            seen = await stream.next()
            assert seen is not None
        last = {"last-event-id": seen["id"]}
        async with listening(client, "types=Email&closeafter=state&ping=0", last) as stream:
            assert b"event" not in stream.body
            await file(client, PLAIN)
            client.office.store.wake(inbox)
            assert await stream.changed() != seen["data"]["changed"]
        async with listening(client, "types=Email&closeafter=state&ping=0", last) as stream:
            missed = await stream.changed()
            assert missed[client.account] == await states(client, "Email")
            assert await stream.next() is None

    tell(database, data, story)


def test_accounts_of_others_come_and_go(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        office = client.office
        bob = await client.another(BOB)
        inbox = (await office.account(BOB)).id
        await office.store.furnish(inbox)
        async with listening(client, "types=Email&closeafter=no&ping=0") as stream:
            await shares.add(office, f"{BOB}/INBOX", ALICE, "lr")
            assert set(await stream.changed()) == {bob.account}
            await file(bob, PLAIN, address=BOB)
            office.store.wake(inbox)
            told = (await stream.changed())[bob.account]
            assert told == await states(client, "Email", account=bob.account)
            await shares.remove(office, f"{BOB}/INBOX", ALICE)
            await file(bob, PLAIN, address=BOB)
            office.store.wake(inbox)
            await file(client, PLAIN)
            office.store.wake((await office.account(ALICE)).id)
            assert set(await stream.changed()) == {client.account}

    tell(database, data, story)


@pytest.mark.parametrize("how", ["password", "disabled", "app password"])
def test_a_stream_ends_with_the_login(how: str, database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        office = client.office
        if how == "app password":
            await client.log_in(ALICE, await credentials.add_app(office, ALICE, "x", ["imap"]))
        async with listening(client) as stream:
            if how == "password":
                await credentials.set_password(office, ALICE, "another-Good-1")
            elif how == "disabled":
                await accounts.change(office, ALICE, disabled=True)
            else:
                await credentials.remove_app(office, ALICE, "x")
            assert await stream.next() is None

    tell(database, data, story)


def test_a_stream_ends_with_the_server(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        async with listening(client) as stream:
            stream.scope[END]()
            assert await stream.next() is None

    tell(database, data, story)


def test_pings(database: Opener, data: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(events, "MIN_PING", 0)

    async def story(client: Client) -> None:
        async with listening(client, "types=*&closeafter=no&ping=1") as stream:
            for _ in range(2):
                found = await stream.next()
                assert found is not None
                assert (found["event"], found["data"]) == ("ping", {"interval": 1})

    tell(database, data, story)


def test_streams_at_a_time(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(MAX_STREAMS):
                await stack.enter_async_context(listening(client))
            async with listening(client) as refused:
                assert refused.status == 400
                assert b"maxConcurrentStreams" in refused.body
            bob = await client.another(BOB)
            async with listening(bob) as other:
                assert other.status == 200
        async with listening(client) as stream:  # those that have ended leave their places
            assert stream.status == 200
            assert client.office.notify.watched()
        assert client.office.notify.watched() == []

    tell(database, data, story)


@pytest.mark.parametrize(
    "query", ["closeafter=x", "ping=-1", "ping=x", "ping=9999999999", "ping=\u0661"]
)
def test_what_is_asked_wrongly(query: str, database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        found = await client.http("GET", f"/jmap/events?{query}")
        assert (found.status, found.problem) == (400, "about:blank")
        client.authorization = ""
        assert (await client.http("GET", "/jmap/events")).status == 401

    tell(database, data, story)


def test_what_can_be_listened_to() -> None:
    assert {"Email", "Mailbox", "Thread", DELIVERY} <= TYPES
    assert not {"SearchSnippet", "PushSubscription", "Core"} & TYPES
