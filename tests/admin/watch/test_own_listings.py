"""Our own addresses in the lists of others: measured, noted, shown, and told as an alert."""

import dataclasses
from typing import Any, Final

import msgspec

from postroom.admin import overview
from postroom.admin.office import Office
from postroom.admin.watch import own_listings
from postroom.config.alerts import Alerts
from postroom.config.delivery import Delivery
from postroom.config.model import Dns
from postroom.policy.own_listings import Listed, Looked
from postroom.telemetry.events import BlocklistListed, BlocklistUnusable
from tests.admin.test_housekeeping import Tell
from tests.fakes import Clock, Recorder
from tests.policy.zone import Zone

HELD: Final = ("2.0.0.127.list.test", "A")
OURS: Final = ("9.113.8.11.list.test", "A")


def public(
    office: Office, *, addresses: tuple[str, ...] = ("11.8.113.9",), **delivery: Any
) -> Office:
    config = msgspec.structs.replace(
        office.config,
        dns=Dns(public_addresses=addresses),
        delivery=Delivery(**delivery),
        alerts=Alerts(blocklists=("list.test",)),
    )
    return dataclasses.replace(office, config=config)


def names() -> Any:
    return Zone({HELD: ("127.0.0.2",)})


def test_a_listing_is_an_alert_until_the_list_says_otherwise(tell: Tell, events: Recorder) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        office, zone = public(office), names()
        assert await own_listings.last(office) == []
        await own_listings.look(office, zone)
        assert await overview.alerts(office) == ()
        zone.records[OURS] = ("127.0.0.2",)
        zone.records[OURS[0], "TXT"] = (b"spam trap",)
        await own_listings.look(office, zone)
        (alert,) = await overview.alerts(office)
        assert alert.about == "listed 11.8.113.9 list.test"
        assert alert.text.endswith("is listed in list.test: spam trap")
        assert "ask for removal at the web site of list.test" in alert.action
        (view,) = (await overview.show(office)).blocklists
        assert (view.zone, view.addresses, view.problem) == ("list.test", ("11.8.113.9",), "")
        assert events.of(BlocklistListed) == [
            BlocklistListed(zone="list.test", address="11.8.113.9", reason="spam trap")
        ]
        zone.failing.add(HELD[0])  # the list can't be asked: nothing is known to be over
        await own_listings.look(office, zone)
        assert await overview.alerts(office) == (alert,)
        assert [one.zone for one in events.of(BlocklistUnusable)] == ["list.test"]
        zone.failing.clear()
        del zone.records[OURS]
        await own_listings.look(office, zone)
        assert await overview.alerts(office) == ()

    tell(story)


def test_nobody_is_asked_without_a_public_address(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        zone = names()
        await own_listings.look(public(office, addresses=("192.168.1.1",)), zone)
        assert zone.asked == []
        assert await own_listings.last(office) == []

    tell(story)


def test_they_are_asked_some_hours_apart(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        office, zone = public(office), names()
        await own_listings.look_if_due(office, zone)
        first = len(zone.asked)
        assert first == 3
        clock.advance(seconds=6 * 3600 - 1)
        await own_listings.look_if_due(office, zone)
        assert len(zone.asked) == first
        clock.advance(seconds=1)
        await own_listings.look_if_due(office, zone)
        assert len(zone.asked) == 2 * first
        config = msgspec.structs.replace(office.config, alerts=Alerts(blocklists=()))
        clock.advance(days=9)
        await own_listings.look_if_due(dataclasses.replace(office, config=config), zone)
        assert len(zone.asked) == 2 * first

    tell(story)


def test_the_addresses_that_mail_leaves_from_come_first(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        chosen = public(office, addresses=("11.8.113.9", "2600:db8::1"), source_ipv4="11.8.113.10")
        found = await own_listings.sending_addresses(chosen, names())
        assert [str(one) for one in found] == ["11.8.113.10", "2600:db8::1"]
        inner = public(office, source_ipv4="10.0.0.1")  # the router has another one
        found = await own_listings.sending_addresses(inner, names())
        assert [str(one) for one in found] == ["11.8.113.9"]

    tell(story)


def test_what_a_list_did_not_answer_for_stays_as_it_was() -> None:
    old = Listed("list.test", "11.8.113.9", ("127.0.0.2",))
    before = [Looked("list.test", ("11.8.113.9",), (old,))]
    silent = [Looked("list.test", problem="it does not answer")]
    (kept,) = own_listings.merge(before, silent, ["11.8.113.9"])
    assert (kept.listed, kept.problem) == ((old,), "it does not answer")
    assert own_listings.merge(before, silent, ["11.8.113.10"]) == silent
    assert own_listings.merge(before, [Looked("list.test", ("11.8.113.9",))], ["11.8.113.9"]) == [
        Looked("list.test", ("11.8.113.9",))
    ]
    assert own_listings.merge(before, [], ["11.8.113.9"]) == []
