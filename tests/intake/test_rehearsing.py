"""Strangers rehearse at a gate: they hear what real ones would, and are not counted."""

from postroom.config.connections import Rates
from postroom.intake.intake import Intake
from postroom.intake.peer import Peer
from tests.intake.desk import mail, nothing_left, rcpt, said, send
from tests.intake.strangers import ADDRESS, LISTED, REFUSING, Tell, Town


def peer() -> Peer:
    return Peer("rehearsal", ADDRESS, 0, "smtp")


def test_a_listed_client_is_refused_with_the_reason(tell: Tell) -> None:
    async def story(town: Town) -> None:
        town.zone.records.update(LISTED)
        town.set(REFUSING)
        one = Intake(town.here.services).rehearse(peer())
        await one.greet("mx.client.example", esmtp=True)
        await one.mail(mail())
        answer = await one.rcpt(rcpt("bob@local.test"))
        assert said(answer) == "550 5.7.1"
        assert "bl.test" in answer.reasons[0]
        await one.close()
        town.bans.ban(ADDRESS, "smtp", "it was rude", 60, town.here.clock())
        intake = Intake(town.here.services)
        assert intake.unwelcome(peer()) == "the network is banned: it was rude"
        assert intake.unwelcome(Peer("s", ADDRESS, 0, "submission")) == ""

    tell(story)


def test_nothing_is_counted_and_nothing_kept(tell: Tell) -> None:
    async def story(town: Town) -> None:
        town.set(rates=Rates(unknown_recipients_per_hour=2, messages_per_hour=2))
        for _ in range(5):
            one = Intake(town.here.services).rehearse(peer())
            await one.greet("mx.client.example", esmtp=True)
            (answer,) = await send(one, "bob@local.test")
            assert said(answer) == "250 2.0.0"
            assert "filed in mailboxes: 1" in answer.reasons[0]
            assert (await one.mail(mail())).is_positive
            for name in ("x", "y", "z"):
                assert not (await one.rcpt(rcpt(f"{name}@local.test"))).is_positive
            await one.close()
        assert len(town.bans) == 0
        assert len(town.greylist) == 0
        await nothing_left(town.here)
        real = await town.visitor()
        assert (await real.mail(mail())).is_positive
        await real.close()

    tell(story)
