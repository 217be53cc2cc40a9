"""Who sends a request."""

import base64
from pathlib import Path
from typing import Any

import pytest

from postroom.admin import accounts, credentials
from postroom.db.database import Tx
from postroom.directory import second_factor
from postroom.telemetry.session_events import LoginFailed, LoginSucceeded
from tests.conftest import Opener
from tests.fakes import Recorder
from tests.web.jmap.client import ALICE, BOB, PASSWORD, Client, tell

ABROAD = "192.0.2.77"
NOTHING: dict[str, Any] = {"using": [], "methodCalls": []}


async def status(program: Client, client: str = "127.0.0.1") -> int:
    return (await program.http("POST", "/jmap/api", NOTHING, client=client)).status


def test_nobody_gets_in_without_a_password(database: Opener, data: Path, events: Recorder) -> None:
    async def story(client: Client) -> None:
        for header in (
            "",
            "Basic",
            "Basic !",
            "Basic /w==",
            "Bearer x",
            "Negotiate x",
            "Basic " + "x" * 9000,
        ):
            client.authorization = header
            for path in ("/.well-known/jmap", "/jmap/session"):
                found = await client.http("GET", path)
                assert (found.status, found.problem) == (401, "about:blank")
                assert found.said.headers["www-authenticate"].startswith("Basic realm=")
                assert "Bearer" not in found.said.headers["www-authenticate"]
            assert await status(client) == 401
        assert not events.of(LoginFailed)
        client.identify(ALICE, "wrong")
        assert await status(client) == 401
        client.identify("nobody@demo.test")
        assert await status(client) == 401
        assert [one.door for one in events.of(LoginFailed)] == ["jmap", "jmap"]

    tell(database, data, story, logged_in="")


def test_a_login_is_told_once_and_not_with_each_request(
    database: Opener, data: Path, events: Recorder
) -> None:
    async def story(client: Client) -> None:
        for _ in range(5):
            assert await status(client) == 200
        assert len(events.of(LoginSucceeded)) == 1
        client.clock.advance(seconds=301)
        assert await status(client) == 200
        assert len(events.of(LoginSucceeded)) == 2
        client.clock.advance(seconds=-3600)  # a clock that went back proves nothing
        assert await status(client) == 200
        assert len(events.of(LoginSucceeded)) == 3

    tell(database, data, story)


def test_what_is_remembered_ends_with_the_password(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        assert await status(client) == 200
        await credentials.set_password(client.office, ALICE, "another-Good-1")
        assert await status(client) == 401
        client.identify(ALICE, "another-Good-1")
        assert await status(client) == 200
        await accounts.change(client.office, ALICE, disabled=True)
        assert await status(client) == 401
        await accounts.change(client.office, ALICE, disabled=False)
        assert await status(client) == 200
        await accounts.remove(client.office, ALICE)
        assert await status(client) == 401

    tell(database, data, story)


def test_guessing_ends_in_a_ban(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        for at in range(10):
            client.identify(BOB, f"wrong{at}")
            assert await status(client, client=ABROAD) == 401
        client.identify(BOB)
        assert await status(client, client=ABROAD) == 403
        assert await status(client, client="192.0.2.78") == 200
        client.identify(ALICE)
        assert await status(client, client=ABROAD) == 403

    tell(database, data, story)


@pytest.mark.parametrize(("scope", "expected"), [("imap", 200), ("smtp", 401), ("pop3", 401)])
def test_app_passwords(scope: str, expected: int, database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        made = await credentials.add_app(client.office, ALICE, "phone", [scope])
        client.identify(ALICE, made)
        assert await status(client) == expected
        await credentials.remove_app(client.office, ALICE, "phone")
        assert await status(client) == 401

    tell(database, data, story)


def test_a_second_factor_keeps_the_chosen_password_to_the_browser(
    database: Opener, data: Path
) -> None:
    async def story(client: Client) -> None:
        office = client.office
        made = await credentials.add_app(office, ALICE, "phone", ["imap"])
        assert await status(client) == 200
        alice = await office.account(ALICE)

        def guard(tx: Tx) -> None:
            keys, now = office.directory.secrets, office.now()
            second_factor.begin(tx, alice.id, second_factor.new_secret(), keys, now)
            second_factor.enable(tx, alice.id, now, opens_mail=False)

        await office.directory.change(guard)
        assert await status(client) == 401
        client.identify(ALICE, made)
        assert await status(client) == 200

    tell(database, data, story)


def test_a_name_in_another_spelling(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        client.identify("ALICE@Demo.Test")
        assert await status(client) == 200
        pair = base64.b64encode(f"{ALICE}:{PASSWORD}".encode()).decode()
        client.authorization = f"bAsIc  {pair} "
        assert await status(client) == 200

    tell(database, data, story)
