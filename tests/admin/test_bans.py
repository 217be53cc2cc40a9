import datetime as dt
from collections.abc import Callable

import pytest

from postroom.admin import bans
from postroom.admin.office import Office
from postroom.errors import Invalid, NotFound
from postroom.policy import ban_rows
from postroom.policy.bans import Ban
from tests.admin.bureau import Story
from tests.fakes import Clock

Tell = Callable[[Story], None]


def test_networks_are_banned_listed_and_let_in_again(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        added = await bans.add(office, "192.0.2.77/24", reason="abuse", hours=2, doors="smtp")
        assert (added.network, added.doors, added.reason) == ("192.0.2.0/24", "smtp", "abuse")
        assert added.until is not None
        assert (added.until - added.since).total_seconds() == 7200
        assert (await bans.add(office, "2001:db8::1")).until is None
        found = [one.network async for one in bans.every(office)]
        assert found == ["192.0.2.0/24", "2001:db8::1/128"]
        assert [one.network async for one in bans.every(office, search="abuse", limit=5)] == [
            "192.0.2.0/24"
        ]
        clock.advance(seconds=7200)
        assert [one.network async for one in bans.every(office)] == ["2001:db8::1/128"]
        assert [one.network for one in await bans.remove(office, "2001:DB8::1")] == [
            "2001:db8::1/128"
        ]
        assert [one async for one in bans.every(office)] == []

    tell(story)


def test_the_address_of_a_banned_network_is_enough_to_let_it_in(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        ban = Ban("2001:db8::/64", "login", "failed logins", clock(), clock() + 60_000)
        await office.db.write(lambda tx: ban_rows.put(tx, [ban]))
        assert [one.by_hand async for one in bans.every(office)] == [False]
        assert len(await bans.remove(office, "2001:db8::77")) == 1

    tell(story)


def test_a_ban_ends_while_there_are_calendars(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        for hours in (-1, bans.MOST_HOURS + 1):
            with pytest.raises(Invalid, match="0 is for good"):
                await bans.add(office, "192.0.2.1", hours=hours)
        assert (await bans.add(office, "192.0.2.1", hours=bans.MOST_HOURS)).until is not None
        assert len([one async for one in bans.every(office)]) == 1

    tell(story)


def test_a_ban_that_is_over_is_not_brought_back(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        over = dt.datetime.fromtimestamp(clock() / 1000, dt.UTC)
        with pytest.raises(Invalid, match="over already"):
            await bans.bring(office, "192.0.2.1", reason="", until=over, doors="all")
        assert [one async for one in bans.every(office)] == []
        later = over + dt.timedelta(hours=1)
        brought = await bans.bring(office, "192.0.2.1", reason="", until=later, doors="all")
        assert brought.until is not None
        assert (await bans.bring(office, "::2", reason="", until=None, doors="all")).until is None

    tell(story)


def test_of_two_bans_of_a_network_one_can_go(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await bans.add(office, "192.0.2.1", doors="login")
        await bans.add(office, "192.0.2.1", doors="smtp")
        gone = await bans.remove(office, "192.0.2.1", doors="login")
        assert [one.doors for one in gone] == ["login"]
        with pytest.raises(NotFound):
            await bans.remove(office, "192.0.2.1", doors="all")
        assert [one.doors async for one in bans.every(office)] == ["smtp"]

    tell(story)


@pytest.mark.parametrize(
    ("network", "reason"),
    [
        ("mail.example.org", "CIDR"),
        ("192.0.2.1/33", "CIDR"),
        ("127.0.0.1", "this machine"),
        ("::1", "this machine"),
        ("0.0.0.0/0", "this machine"),
        ("128.0.0.0/2", "too wide"),
        ("2000::/3", "too wide"),
    ],
)
def test_what_can_not_be_banned(tell: Tell, network: str, reason: str) -> None:
    async def story(office: Office, clock: Clock) -> None:
        with pytest.raises(Invalid, match=reason):
            await bans.add(office, network)
        assert [one async for one in bans.every(office)] == []

    tell(story)


def test_who_is_not_banned_can_not_be_let_in(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await bans.add(office, "192.0.2.0/24", hours=1)
        with pytest.raises(NotFound, match="postroom ban list"):
            await bans.remove(office, "192.0.2.1")
        with pytest.raises(Invalid, match="neither"):
            await bans.remove(office, "somebody")
        clock.advance(seconds=3600)
        with pytest.raises(NotFound):
            await bans.remove(office, "192.0.2.0/24")

    tell(story)
