"""Tokens of programs, as a postmaster makes them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from postroom.admin import accounts, api_tokens, domains
from postroom.admin.office import Office
from postroom.errors import Invalid, NotFound
from tests.admin.bureau import Story
from tests.directory.keys import quick
from tests.fakes import Clock

BOB = "bob@demo.test"
Tell = Callable[[Story], None]


def test_a_token_is_known_until_it_ends(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        until = datetime.fromtimestamp(clock() / 1000, UTC) + timedelta(hours=5)
        made = await api_tokens.add(office, "ci", ["queue:read", "mail:send"], expires=until)
        assert made.scopes == ("mail:send", "queue:read")
        assert (made.domain, made.account, made.last_used) == ("", "", None)
        found = await api_tokens.known(office, made.token)
        assert found is not None
        assert found.name == "ci"
        assert await api_tokens.known(office, made.token[:-1] + "u") is None
        (listed,) = [one async for one in api_tokens.every(office)]
        assert listed.last_used is not None
        assert not hasattr(listed, "token")
        clock.now += 5 * 3_600_000
        assert await api_tokens.known(office, made.token) is None

    tell(story)


def test_last_used_is_written_once_an_hour(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        made = await api_tokens.add(office, "ci", ["admin"])
        seen = []
        for _ in range(4):
            await api_tokens.known(office, made.token)
            (one,) = [one async for one in api_tokens.every(office)]
            seen.append(one.last_used)
            clock.now += 25 * 60_000
        assert seen[0] == seen[1] == seen[2] != seen[3]

    tell(story)


def test_pages_have_totals(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        for name in "cab":
            await api_tokens.add(office, name, ["admin"])
        first = await api_tokens.page(office, size=2)
        assert [one.name for one in first.items] == ["a", "b"]
        assert first.total == 3
        second = await api_tokens.page(office, size=2, after=first.next)
        assert ([one.name for one in second.items], second.next) == (["c"], "")

    tell(story)


def test_limits_are_of_what_is_there(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await domains.add(office, "demo.test", generate=quick)
        await accounts.add(office, BOB, password="long enough")
        await domains.add(office, "alias.test", alias_of="demo.test", generate=quick)
        with pytest.raises(Invalid, match="is an alias of demo.test"):
            await api_tokens.add(office, "x", ["mail:send"], domain="alias.test")
        within = await api_tokens.add(office, "d", ["accounts:read"], domain="demo.test")
        his = await api_tokens.add(office, "b", ["mail:send"], account=BOB)
        assert (within.domain, his.account) == ("demo.test", BOB)
        with pytest.raises(NotFound, match="no account"):
            await api_tokens.add(office, "x", ["mail:send"], account="eve@demo.test")
        with pytest.raises(NotFound, match="not a domain"):
            await api_tokens.add(office, "x", ["mail:send"], domain="other.test")
        with pytest.raises(Invalid, match="not to both"):
            await api_tokens.add(office, "x", ["mail:send"], domain="demo.test", account=BOB)
        with pytest.raises(Invalid, match="whole server"):
            await api_tokens.add(office, "x", ["admin"], account=BOB)
        await api_tokens.remove(office, "b")
        assert await api_tokens.known(office, his.token) is None
        with pytest.raises(NotFound, match="no token"):
            await api_tokens.remove(office, "b")

    tell(story)


def test_nonsense_is_refused_with_its_reason(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        past = datetime.fromtimestamp(clock() / 1000, UTC)
        for name, scopes, expires, reason in (
            ("", ["admin"], None, "no name for a token"),
            ("a b", ["admin"], None, "no name for a token"),
            ("a", [], None, "needs a scope"),
            ("a", ["queue:all"], None, "'queue:all' is no scope"),
            ("a", ["admin"], past, "in the past"),
        ):
            with pytest.raises(Invalid, match=reason):
                await api_tokens.add(office, name, scopes, expires=expires)
        assert [one async for one in api_tokens.every(office)] == []

    tell(story)
