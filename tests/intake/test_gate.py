"""Strangers at the gate: what is held against them."""

import asyncio

import pytest

from postroom.config.connections import Rates
from postroom.ledger import trace
from postroom.policy.devices import Devices
from postroom.policy.keeper import Keeper
from postroom.telemetry.session_events import (
    MessageAccepted,
    PeerSuspected,
    RecipientGreylisted,
    RecipientRefused,
    SessionFailed,
)
from tests.fakes import Recorder
from tests.intake.desk import mail, rcpt, said, send
from tests.intake.strangers import (
    ADDRESS,
    DBL,
    GOOD,
    IN_LIST,
    LISTED,
    REFUSING,
    REVERSE,
    ZEN,
    Tell,
    Town,
)
from tests.policy.zone import Zone


def test_who_has_nothing_against_him_is_let_in(tell: Tell, events: Recorder) -> None:
    async def story(town: Town) -> None:
        town.set(REFUSING, DBL, GOOD, greylist=True)
        assert await town.asked() == "250 2.1.5"
        one = await town.visitor()
        (answer,) = await send(one, "bob@local.test")
        assert said(answer) == "250 2.0.0"

    tell(story)
    assert not events.of(PeerSuspected)


def test_a_first_time_sender_is_not_put_off_however_little_is_known(tell: Tell) -> None:
    """DESIGN: with default settings never a 4xx for being unknown."""

    async def story(town: Town) -> None:
        town.zone.records.clear()
        one = town.here.open(address=ADDRESS)
        await one.greet("localhost", esmtp=False)
        (answer,) = await send(one, "bob@local.test")
        assert said(answer) == "250 2.0.0"

    tell(story)


def test_who_is_listed_is_refused_with_where_to_look(tell: Tell, events: Recorder) -> None:
    async def story(town: Town) -> None:
        town.set(REFUSING)
        town.zone.records.update(LISTED)
        one = await town.visitor(trusted=True)
        await one.verb()
        await one.mail(mail())
        answer = await one.rcpt(rcpt("bob@local.test"))
        assert answer.lines == (f"{ADDRESS} is listed in bl.test", f"See https://bl.test/{ADDRESS}")
        assert answer.reasons == (f"{ADDRESS} is listed in bl.test: 127.0.0.2",)
        for always in ("postmaster@local.test", ""):
            assert said(await one.rcpt(rcpt(always))) != "550 5.7.1"
        await one.close()

    tell(story)
    (refused,) = events.of(RecipientRefused)
    assert refused.status == "5.7.1"
    assert "bl.test" in refused.reason


def test_a_listing_without_refusal_is_told_and_counts(tell: Tell, events: Recorder) -> None:
    async def story(town: Town) -> None:
        town.set(ZEN, DBL)
        town.zone.records.update(LISTED)
        town.zone.records[("client.example.dbl.test", "A")] = ("127.0.1.2",)
        one = await town.visitor(trusted=True)
        await one.verb()
        (answer,) = await send(one, "bob@local.test")
        assert said(answer) == "250 2.0.0"
        (reason,) = [reason for reason in answer.reasons if reason.startswith("connection: ")]
        assert f"{ADDRESS} is listed in bl.test: 127.0.0.2 (+3)" in reason
        assert "client.example is listed in dbl.test: 127.0.1.2 (+2)" in reason
        row = await town.here.db.read(lambda tx: tx.one("SELECT id FROM ledger"))
        assert row is not None
        told = await town.here.db.read(lambda tx: trace.by_id(tx, row[0]))
        assert told is not None
        assert [fact for fact in told.facts if "bl.test" in fact.detail]
        await one.close()

    tell(story)
    (suspected,) = events.of(PeerSuspected)
    assert suspected.score == 5
    assert len(events.of(MessageAccepted)) == 1


def test_a_good_list_lets_in_who_is_in_a_bad_one(tell: Tell) -> None:
    async def story(town: Town) -> None:
        town.set(REFUSING, GOOD)
        town.zone.records.update(LISTED)
        assert await town.asked() == "550 5.7.1"
        town.zone.records[("34.216.184.93.wl.test", "A")] = ("127.0.9.3",)
        assert await town.asked() == "250 2.1.5"

    tell(story)


@pytest.mark.parametrize("answer", ["127.255.255.254", "127.0.0.1", "203.0.113.7"])
def test_a_list_that_does_not_serve_us_refuses_nobody(tell: Tell, answer: str) -> None:
    async def story(town: Town) -> None:
        town.set(REFUSING)
        town.zone.records[IN_LIST, "A"] = (answer,)
        assert await town.asked() == "250 2.1.5"

    tell(story)


def test_trouble_with_the_dns_is_nobodys_fault(tell: Tell) -> None:
    async def story(town: Town) -> None:
        town.set(REFUSING, DBL, greylist=True, greylist_score=1, helo="refuse")
        town.zone.cached.clear()
        town.zone.failing |= {IN_LIST, REVERSE, "mx.client.example", "client.example.dbl.test"}
        assert await town.asked() == "250 2.1.5"

    tell(story)


def test_lookups_run_while_the_client_speaks_and_once(tell: Tell) -> None:
    async def story(town: Town) -> None:
        town.set(ZEN)
        town.zone.cached.clear()
        town.zone.held = asyncio.Event()
        one = await town.visitor()
        await one.mail(mail())
        assert said(await one.rcpt(rcpt("bob@local.test"))) == "250 2.1.5"  # nothing waits here
        await asyncio.sleep(0)
        assert (IN_LIST, "A") in town.zone.asked
        assert await one.score(0) == 0
        town.zone.records.update(LISTED)
        town.zone.held.set()
        assert await one.score(10) == 3
        await one.data()
        await one.end(None)
        await one.close()
        assert town.zone.asked.count((IN_LIST, "A")) == 1

    tell(story)


def test_what_is_under_way_ends_with_the_connection(tell: Tell) -> None:
    async def story(town: Town) -> None:
        town.set(ZEN)
        town.zone.cached.clear()
        town.zone.held = asyncio.Event()
        one = await town.visitor()
        await asyncio.sleep(0)
        await one.close()
        await asyncio.sleep(0)
        assert await one.score(10) == 0
        assert len(asyncio.all_tasks()) == 1

    tell(story)


def test_a_name_says_something_of_public_addresses_only(tell: Tell) -> None:
    async def story(town: Town) -> None:
        town.zone.records.clear()
        town.zone.records["mx.client.example", "A"] = (ADDRESS,)
        for address, score in ((ADDRESS, 1), ("10.0.0.7", 0), ("192.0.2.1", 0)):
            one = await town.visitor(address)
            assert await one.score(0) == score
            await one.close()
        town.zone.records[REVERSE, "PTR"] = ("elsewhere.example",)
        one = await town.visitor()
        assert await one.score(0) == 1
        await one.close()

    tell(story)


def test_the_name_of_an_address_is_looked_up_in_lists_of_names(tell: Tell) -> None:
    async def story(town: Town) -> None:
        town.set(DBL)
        town.zone.records["mx.client.example.dbl.test", "A"] = ("127.0.1.2",)
        one = town.here.open(address=ADDRESS)
        assert await one.score(0) == 2
        await one.greet("mx.client.example", esmtp=True)
        assert await one.score(0) == 2  # the same listing once
        await one.close()

    tell(story)


@pytest.mark.parametrize(
    ("mode", "answer", "score"),
    [("ignore", "250 2.1.5", 0), ("score", "250 2.1.5", 4), ("refuse", "550 5.7.1", 4)],
)
def test_our_own_name(tell: Tell, mode: str, answer: str, score: int) -> None:
    async def story(town: Town) -> None:
        town.set(helo=mode)
        one = town.here.open(address=ADDRESS)
        await one.greet("MX.local.test", esmtp=True)
        assert await one.score(0) == score
        await one.mail(mail())
        assert said(await one.rcpt(rcpt("bob@local.test"))) == answer
        assert said(await one.rcpt(rcpt("postmaster@local.test"))) != "550 5.7.1"
        await one.close()

    tell(story)


def test_a_name_that_does_not_exist_is_never_refused(tell: Tell) -> None:
    async def story(town: Town) -> None:
        town.set(helo="refuse")
        one = town.here.open(address=ADDRESS)
        await one.greet("nowhere.example", esmtp=True)
        assert await one.score(0) == 1
        await one.mail(mail())
        assert said(await one.rcpt(rcpt("bob@local.test"))) == "250 2.1.5"
        await one.close()

    tell(story)


def test_who_speaks_early_may_go_on_where_it_is_only_noted(tell: Tell) -> None:
    async def story(town: Town) -> None:
        one = await town.visitor()
        assert not one.spoke_early()
        await one.close()
        town.set(early_talk="note")
        one = await town.visitor()
        assert one.spoke_early()
        assert await one.score(0) == 3
        await one.close()

    tell(story)


def test_greylisting_of_the_suspicious(tell: Tell, events: Recorder) -> None:
    async def story(town: Town) -> None:
        town.set(ZEN, greylist=True, greylist_score=3)
        assert await town.asked() == "250 2.1.5"
        town.zone.records.update(LISTED)
        assert await town.asked() == "450 4.7.1"
        assert await town.asked("postmaster@local.test") != "450 4.7.1"
        town.here.clock.advance(seconds=299)
        assert await town.asked() == "450 4.7.1"
        town.here.clock.advance(seconds=1)
        assert await town.asked() == "250 2.1.5"
        assert await town.asked("alice@local.test") == "250 2.1.5"

    tell(story)
    assert [one.recipient for one in events.of(RecipientGreylisted)] == ["bob@local.test"] * 2
    reasons = {one.reason for one in events.of(RecipientRefused) if one.status == "4.7.1"}
    assert reasons == {f"greylisted: {ADDRESS} is listed in bl.test: 127.0.0.2 (+3)"}


def test_another_server_on_the_database_knows_who_was_put_off(tell: Tell) -> None:
    async def story(town: Town) -> None:
        town.set(ZEN, greylist=True)
        town.zone.records.update(LISTED)
        assert await town.asked() == "450 4.7.1"
        keeper = Keeper(town.here.db, town.here.clock, town.bans, Devices(), town.greylist)
        await keeper.flush()
        assert not town.greylist.changed
        other = Town(town.here, town.zone)
        other.set(ZEN, greylist=True)
        town.here.clock.advance(seconds=300)
        assert await other.asked() == "250 2.1.5"

    tell(story)


HOSTILE = Rates(
    connections_per_minute=1,
    messages_per_hour=1,
    recipients_per_hour=1,
    unknown_recipients_per_hour=1,
    errors_per_hour=1,
    messages_per_recipient_per_hour=1,
)


@pytest.mark.parametrize(
    ("address", "settings", "peer"),
    [
        ("127.0.0.1", {}, {}),
        ("::1", {}, {}),
        (ADDRESS, {"exempt": ("93.184.216.0/24",)}, {}),
        (ADDRESS, {}, {"relay": True}),
        (ADDRESS, {}, {"checks": False}),
        (ADDRESS, {}, {"door": "lmtp"}),
    ],
)
def test_who_is_not_asked_anything(
    tell: Tell, address: str, settings: dict[str, object], peer: dict[str, object]
) -> None:
    async def story(town: Town) -> None:
        town.set(
            REFUSING, rates=HOSTILE, greylist=True, greylist_score=1, helo="refuse", **settings
        )
        town.zone.records.clear()
        town.zone.records.update(LISTED)
        for _ in range(5):
            one = town.here.open(address=address, **peer)  # type: ignore[arg-type]
            await one.greet("mx.local.test", esmtp=True)
            await one.mail(mail())
            assert said(await one.rcpt(rcpt("nobody@local.test"))) == "550 5.1.1"
            assert said(await one.rcpt(rcpt("bob@local.test"))) == "250 2.1.5"
            assert await one.score(0) == 0
            await one.close()

    tell(story)


def test_who_logs_in_is_no_stranger(tell: Tell) -> None:
    async def story(town: Town) -> None:
        town.set(REFUSING, rates=HOSTILE)
        town.zone.records.update(LISTED)
        for _ in range(3):
            one = await town.here.logged_in(town.here.bob, door="smtp")
            await one.mail(mail("bob@local.test"))
            assert said(await one.rcpt(rcpt("alice@local.test"))) == "250 2.1.5"
            await one.close()

    tell(story)


def test_loopback_shows_whether_the_lists_work(tell: Tell) -> None:
    """RFC 5782 §5: every list holds 127.0.0.2, none 127.0.0.1."""

    async def story(town: Town) -> None:
        town.set(REFUSING)
        town.zone.records["2.0.0.127.bl.test", "A"] = ("127.0.0.2",)
        assert await town.asked(address="127.0.0.2") == "550 5.7.1"
        assert await town.asked(address="127.0.0.1") == "250 2.1.5"

    tell(story)


def test_a_mistake_of_ours_costs_an_opinion_and_no_message(tell: Tell, events: Recorder) -> None:
    async def story(town: Town) -> None:
        class Broken(Zone):
            async def lookup(self, name, kind, *, seconds):  # type: ignore[no-untyped-def]
                raise RuntimeError("a mistake")

        town.zone = Broken()
        town.set(REFUSING)
        assert await town.asked() == "250 2.1.5"

    tell(story)
    assert events.of(SessionFailed)
