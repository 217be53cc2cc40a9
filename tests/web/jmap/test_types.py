"""States of all data types."""

from pathlib import Path

from postroom.web.jmap import types
from postroom.web.jmap.account import Account
from postroom.web.jmap.method import Caller, account_of
from postroom.web.jmap.types import TYPES
from tests.conftest import Opener
from tests.web.jmap.client import ALICE, Client, tell
from tests.web.jmap.test_events import states


def test_differences() -> None:
    before = {"A1": {"Email": "1", "Thread": "1"}, "A2": {"Email": "1"}}
    now = {"A1": {"Email": "2", "Thread": "1"}, "A3": {"Email": "1"}}
    assert types.differences(before, now) == {"A1": {"Email": "2"}, "A3": {"Email": "1"}}
    assert types.differences(now, now) == {}


def test_they_are_what_get_says(database: Opener, data: Path) -> None:
    async def story(client: Client) -> None:
        alice = await client.office.directory.known(ALICE)
        assert alice is not None
        account: Account = await account_of(client.services, alice, client.account)
        caller = Caller(alice, None, frozenset({"imap", "smtp", "sieve"}))  # type: ignore[arg-type]
        found = await types.states(client.services, caller, [account], TYPES)
        told = found[client.account]
        assert set(told) == TYPES
        names = sorted(TYPES - {types.DELIVERY})
        assert {name: told[name] for name in names} == await states(client, *names)
        assert await types.states(client.services, caller, [account], []) == {}

    tell(database, data, story)
