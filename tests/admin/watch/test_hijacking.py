"""Hijacked accounts: noticed, told once, held where that is set, released."""

import dataclasses
from typing import Any, Final, Literal

import msgspec
import pytest

from postroom.address import Address
from postroom.admin import accounts, domains, overview, queue, roles, sending
from postroom.admin.office import Office
from postroom.admin.watch import hijacking
from postroom.config.alerts import Alerts
from postroom.directory.sending import LOOK_MS, Sending
from postroom.ledger import rows
from postroom.ledger.rows import Entry, Fact, Kind
from postroom.policy import device_rows, suspects
from postroom.policy.devices import Device
from postroom.telemetry.events import AccountSuspected
from tests.admin.test_housekeeping import Tell
from tests.admin.test_reporting import post
from tests.admin.watch.test_alerting import letters
from tests.directory.keys import quick
from tests.fakes import Clock, Recorder
from tests.post.office import letter

HOUR: Final = 3_600_000
DAY: Final = 24 * HOUR
ANN: Final = "ann@demo.test"


async def peopled(office: Office, mode: Literal["off", "tell", "hold"] = "tell") -> Office:
    await domains.add(office, "demo.test", generate=quick)
    for name in ("ann", "postmaster"):
        await accounts.add(office, f"{name}@demo.test", password="long enough")
    await roles.assign(office, "postmaster@demo.test", "owner")
    config = msgspec.structs.replace(office.config, alerts=Alerts(hijack=mode))
    return dataclasses.replace(office, config=config)


async def ident(office: Office) -> int:
    found = await office.directory.resolve(Address.parse(ANN))
    return found.local[0].account_id


async def sent(office: Office, recipients: int, **facts: Any) -> None:
    """Ann sends a letter to so many; ``facts`` are kinds with their detail, one recipient each."""
    number, account = office.ids.next(), await ident(office)
    now = office.now()
    entry = Entry(number, now, "submission", "", "", ANN, "", "", 1, account_id=account)
    kinds: list[tuple[Kind, str]] = [("queued", "")] * recipients
    kinds += [(kind, text) for kind, texts in facts.items() for text in texts]  # type: ignore[misc]
    told = [
        Fact(number, one, now, kind, f"{one}@x.test", detail=text)
        for one, (kind, text) in enumerate(kinds, 1)
    ]
    await office.db.write(lambda tx: rows.add(tx, [entry], told))


async def look(office: Office) -> list[str]:
    return await hijacking.look(office, post(office))


def test_a_flood_is_told_once_to_the_person_and_the_postmaster(
    tell: Tell, events: Recorder
) -> None:
    async def story(office: Office, clock: Clock) -> None:
        office = await peopled(office)
        await look(office)
        await sent(office, 199)
        assert await look(office) == []
        await office.directory.password(ANN, "long enough", "smtp")
        await sent(office, 1)
        assert await look(office) == [ANN]
        assert await look(office) == []
        clock.advance(HOUR // 2)
        await sent(office, 400)
        assert await look(office) == []
        found = await letters(office)
        assert found.keys() == {"ann", "postmaster"}
        ((mine,), (theirs,)) = (found["ann"], found["postmaster"])
        for one in (mine, theirs):
            assert f"Subject: {ANN}: does somebody else use it?" in one
            assert "- messages to 200 recipients elsewhere within an hour" in one
            assert "Nothing was stopped." in one
            assert "- the account's own password, last 2026-09-21 14:13 UTC" in one
        assert "1. Change your password" in mine
        assert f"postroom account release {ANN}" in theirs
        (event,) = events.of(AccountSuspected)
        assert (event.account, event.score, event.held) == (ANN, 50, False)
        (alert,) = await overview.alerts(office)
        assert (alert.about, alert.page) == (f"hijack {ANN}", f"/admin/people/{ANN}")
        assert "may be used by somebody else" in alert.text
        clock.advance(DAY + HOUR)
        assert await look(office) == []
        assert await overview.alerts(office) == ()

    tell(story)


def test_what_was_learned_from_the_past_is_no_flood(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        office = await peopled(office)
        await sent(office, 100)
        clock.advance(days=1)
        assert not await hijacking.learned(office, clock.now + 3 * DAY)  # a few hours a round
        assert await hijacking.learned(office, clock.now)
        clock.advance(days=1)
        assert await hijacking.learned(office, clock.now)
        await sent(office, 480)
        assert await look(office) == []
        await sent(office, 520)
        assert await look(office) == [ANN]

    tell(story)


def test_nobody_is_judged_before_the_past_is_known(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        office = await peopled(office)
        await sent(office, 1000)
        clock.advance(days=3)
        await sent(office, 1000)
        assert await look(office) == []
        assert await look(office) == []
        assert await look(office) == []  # by now it is learned, and 1000 are usual
        assert await hijacking.learned(office, clock.now)

    tell(story)


def test_refusals_and_networks_speak_for_it(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        office = await peopled(office)
        await look(office)
        await sent(office, 20, bounced=["mx: 550 5.1.1 unknown"] * 10)
        assert await look(office) == []
        devices = [Device(ANN, f"11.{n}.0.1", office.now()) for n in range(4)]
        devices += [Device(ANN, f"11.0.{n}.1", office.now()) for n in range(9)]  # the same /16
        devices.append(Device("nobody here", "12.0.0.1", office.now()))
        await office.db.write(lambda tx: device_rows.put(tx, devices))
        assert await look(office) == [ANN]
        (view,) = await hijacking.current(office)
        assert view.seen >= view.since
        assert view.reasons == (
            "10 refusals by other servers for addresses that are unknown there",
            "logins from 4 networks within an hour that were new that day",
        )
        ((mine,), _) = (await letters(office)).values()
        assert "From networks that were new:\r\n\r\n- 11.0.0.0/16\r\n" in mine

    tell(story)


def test_refusals_for_spam_alone_are_enough_when_they_are_many(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        office = await peopled(office)
        await look(office)
        await sent(office, 40, deferred=["mx: 421 4.7.0 blocked"] * 20, bounced=["spam"] * 10)
        assert await look(office) == [ANN]

    tell(story)


def test_one_that_is_held_sends_nothing_until_it_is_released(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        office = await peopled(office, "hold")
        await look(office)
        account = await ident(office)
        await post(office).commit(letter(office, remote=("b@x.test",), account_id=account))
        counter = Sending(office.db, office.clock, 10)
        assert await counter.take(account) is None
        counter.count(account, 1)
        await sent(office, 300)
        assert await look(office) == [ANN]
        clock.advance(LOOK_MS)
        denied = await counter.take(account)
        assert denied is not None
        assert denied.is_barred
        assert not denied.is_first
        await post(office).commit(letter(office, remote=("c@x.test",), account_id=account))
        await look(office)
        assert [one.held async for one in queue.every(office)] == [True, True]
        clock.advance(days=3)  # a new day changes nothing
        assert await counter.take(account) is not None
        (view,) = await hijacking.current(office)
        assert view.held
        assert (await accounts.show(office, ANN)).sending_stopped
        released = await sending.release(office, ANN)
        assert (released.was_stopped, released.messages) == (True, 2)
        assert [one.held async for one in queue.every(office)] == [False, False]
        clock.advance(seconds=2)
        assert await counter.take(account) is None
        assert await hijacking.current(office) == ()
        assert await look(office) == []
        await counter.close()

    tell(story)


def test_it_can_be_switched_off(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        office = await peopled(office, "off")
        await sent(office, 5000)
        assert await look(office) == []
        assert await office.db.read(suspects.every) == []

    tell(story)


@pytest.mark.parametrize("mode", ["tell", "hold"])
def test_an_account_that_is_gone_is_nobody(tell: Tell, mode: Literal["tell", "hold"]) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        office = await peopled(office, mode)
        await look(office)
        gone = office.ids.next()
        entry = Entry(gone, office.now(), "submission", "", "", ANN, "", "", 1, account_id=999)
        facts = [Fact(gone, n, office.now(), "queued", f"{n}@x.test") for n in range(1, 300)]
        await office.db.write(lambda tx: rows.add(tx, [entry], facts))
        assert await look(office) == []

    tell(story)
