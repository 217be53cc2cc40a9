"""Strangers at the gate: how much they may bring, and when they are banned."""

from postroom.config.connections import Rates
from postroom.intake.peer import Peer
from postroom.telemetry.session_events import PeerBanned, RateExceeded
from tests.fakes import Recorder
from tests.intake.desk import LETTER, mail, rcpt, said
from tests.intake.strangers import (
    ADDRESS,
    Tell,
    Town,
)


def test_rates_put_off_and_tell_why(tell: Tell, events: Recorder) -> None:
    async def story(town: Town) -> None:
        town.set(rates=Rates(messages_per_hour=2, messages_per_recipient_per_hour=1))
        one = await town.visitor(trusted=True)
        await one.verb()
        await one.mail(mail())
        assert said(await one.rcpt(rcpt("bob@local.test"))) == "250 2.1.5"
        answer = await one.rcpt(rcpt("bob@local.test"))
        assert said(answer) == "450 4.2.1"
        assert answer.reasons == ("too many messages of bob@local.test",)
        one.reset()
        await one.mail(mail())
        answer = await one.mail(mail())
        assert said(answer) == "450 4.7.1"
        assert answer.reasons == (f"too many messages of {ADDRESS}",)
        await one.close()
        assert town.gate.knock(ADDRESS) == ""  # put off is not banned

    tell(story)
    assert [(one.what, one.whose) for one in events.of(RateExceeded)] == [
        ("messages", "bob@local.test"),
        ("messages", ADDRESS),
    ]


def test_a_harvester_is_turned_away_and_banned(tell: Tell, events: Recorder) -> None:
    async def story(town: Town) -> None:
        town.set(rates=Rates(unknown_recipients_per_hour=3), ban_minutes=30)
        one = await town.visitor()
        await one.mail(mail())
        for number in range(3):
            assert said(await one.rcpt(rcpt(f"x{number}@local.test"))) == "550 5.1.1"
        assert said(await one.rcpt(rcpt("x4@local.test"))) == "421 4.7.0"
        await one.close()
        reason = town.gate.knock(ADDRESS)
        assert reason == f"the network is banned: too many unknown recipients of {ADDRESS}"
        town.here.clock.advance(seconds=1800)
        assert town.gate.knock(ADDRESS) == ""

    tell(story)
    (banned,) = events.of(PeerBanned)
    assert banned.seconds == 1800


def test_who_brings_messages_may_have_stale_addresses(tell: Tell) -> None:
    async def story(town: Town) -> None:
        town.set(rates=Rates(unknown_recipients_per_hour=2))
        one = await town.visitor()
        for number in range(5):
            await one.mail(mail())
            assert said(await one.rcpt(rcpt(f"x{number}@local.test"))) == "550 5.1.1"
            assert said(await one.rcpt(rcpt("bob@local.test"))) == "250 2.1.5"
            await one.content(LETTER)
            assert said((await one.end(None))[0]) == "250 2.0.0"
        assert town.gate.knock(ADDRESS) == ""

    tell(story)


def test_without_bans_an_abuser_is_only_turned_away(tell: Tell, events: Recorder) -> None:
    async def story(town: Town) -> None:
        town.set(rates=Rates(errors_per_hour=1), ban_minutes=0)
        peer = Peer("s", ADDRESS, 1, "smtp")
        for _ in range(5):
            town.gate.erred(peer)
        assert town.gate.knock(ADDRESS) == ""

    tell(story)
    assert len(events.of(RateExceeded)) == 4


def test_sessions_that_err_to_their_end_are_counted(tell: Tell) -> None:
    async def story(town: Town) -> None:
        town.set(rates=Rates(errors_per_hour=2))
        for door in ("submission", "lmtp"):
            for _ in range(9):
                town.gate.erred(Peer("s", ADDRESS, 1, door))
        town.gate.erred(Peer("s", ADDRESS, 1, "smtp"))
        town.gate.erred(Peer("s", ADDRESS, 1, "smtp"))
        assert town.gate.knock(ADDRESS) == ""
        town.gate.erred(Peer("s", ADDRESS, 1, "smtp"))
        assert town.gate.knock(ADDRESS).startswith("the network is banned: too many errors")

    tell(story)


def test_connections_are_counted_at_the_door(tell: Tell) -> None:
    async def story(town: Town) -> None:
        town.set(rates=Rates(connections_per_minute=2))
        said = [town.gate.knock(ADDRESS) for _ in range(3)]
        assert said == ["", "", f"too many connections a minute of {ADDRESS}"]
        assert [town.gate.knock("127.0.0.1") for _ in range(3)] == [""] * 3
        assert town.gate.knock(ADDRESS, is_counted=False) == ""
        town.gate.knock(ADDRESS)
        assert town.gate.knock(ADDRESS).startswith("too many connections")
        banned = f"the network is banned: too many refused connections of {ADDRESS}"
        assert town.gate.knock(ADDRESS) == banned

    tell(story)
