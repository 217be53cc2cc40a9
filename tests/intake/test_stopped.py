"""Limits of what accounts send: at RCPT, and who is told."""

import asyncio
from pathlib import Path

from postroom.config.model import Limits
from postroom.directory import accounts, sending
from postroom.directory.sending import ASK_MS, WINDOW_MS, Sent
from postroom.errors import StorageFailed
from postroom.intake import stopped
from postroom.message.headers import value
from postroom.telemetry.events import SendingStopped, StorageTrouble
from postroom.telemetry.session_events import RecipientRefused
from tests.conftest import Opener
from tests.directory.town import at
from tests.fakes import Recorder
from tests.intake.desk import BOBS, LETTER, Desk, desk, mail, rcpt, said, send

TEN = Limits(sends_per_day=10)


async def sent(here: Desk) -> Sent:
    await here.sending.flush()
    now = here.clock()
    found = await here.db.read(lambda tx: sending.of(tx, [here.bob.id], now))
    return found.get(here.bob.id, Sent())


def people(count: int, start: int = 0) -> list[str]:
    return [f"u{number}@other.test" for number in range(start, start + count)]


def test_a_person_is_stopped_at_the_limit(database: Opener, data: Path, events: Recorder) -> None:
    async def run() -> None:
        async with desk(database, data, TEN) as here:
            one = await here.logged_in(here.bob)
            await send(one, *people(8), octets=BOBS, sender="bob@local.test")
            await one.mail(mail("bob@local.test"))
            assert said(await one.rcpt(rcpt("alice@local.test"))) == "250 2.1.5"
            assert said(await one.rcpt(rcpt("u8@other.test"))) == "250 2.1.5"
            for recipient in ("u9@other.test", "alice+x@local.test"):
                answer = await one.rcpt(rcpt(recipient))
                assert said(answer) == "450 4.7.1"
                assert answer.lines[0] == (
                    "You have sent to 10 recipients in 24 hours, which is all you may; try again"
                    " tomorrow, or ask your postmaster: postroom account release bob@local.test"
                )
            await one.content(BOBS)
            assert said((await one.end(None))[0]) == "250 2.0.0"  # to those it was let in for
            assert len(await here.queue()) == 9
            assert await sent(here) == Sent(10, None, is_stopped=True)
            again = await here.logged_in(here.bob)
            await again.mail(mail("bob@local.test"))
            assert said(await again.rcpt(rcpt("alice@local.test"))) == "450 4.7.1"

    asyncio.run(run())
    (event,) = events.of(SendingStopped)
    assert (event.account, event.recipients, event.limit) == ("bob@local.test", 10, 10)
    refused = events.of(RecipientRefused)
    assert [one.status for one in refused] == ["4.7.1"] * 3
    assert {one.reason for one in refused} == {stopped.REASON}


def test_the_owner_and_the_postmaster_are_told_once(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data, TEN) as here:
            await here.town.forward("alice@local.test", "chief@other.test")
            for _ in range(2):
                one = await here.logged_in(here.bob)
                await send(one, *people(10), octets=BOBS, sender="bob@local.test")
                await one.mail(mail("bob@local.test"))
                for _ in range(3):
                    assert said(await one.rcpt(rcpt("x@other.test"))) == "450 4.7.1"
                await one.close()
                here.clock.advance(WINDOW_MS)
            to_bob, to_alice = await here.inbox(here.bob), await here.inbox(here.alice)
            assert (len(to_bob), len(to_alice)) == (2, 2)  # once in 24 hours
            assert value(to_bob[0], b"from") == b"Mail system <postmaster@local.test>"
            assert value(to_bob[0], b"subject") == b"bob@local.test can't send any more today"
            assert value(to_bob[0], b"auto-submitted") == b"auto-generated"
            assert value(to_bob[0], b"return-path") == b"<>"
            assert b"somebody else has your password" in to_bob[0]
            assert b"postroom account release bob@local.test" in to_alice[0]
            assert b"10 recipients" in to_alice[0]
            assert [name for name, _ in await here.queue()].count("chief@other.test") == 2

    asyncio.run(run())


def test_recipients_of_what_is_given_up_do_not_count(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data, TEN) as here:
            one = await here.logged_in(here.bob)
            for ending in ("reset", "mail", "greet", "refused", "close"):
                await one.mail(mail("bob@local.test"))
                for name in people(10):
                    assert (ending, said(await one.rcpt(rcpt(name)))) == (ending, "250 2.1.5")
                if ending == "reset":
                    one.reset()
                elif ending == "mail":
                    await one.mail(mail("bob@local.test"))
                elif ending == "greet":
                    await one.greet("again", esmtp=True)
                elif ending == "refused":
                    await one.content(LETTER)
                    assert said((await one.end(None))[0]) == "550 5.7.1"
                else:
                    await one.close()
            assert await sent(here) == Sent()
            other = await here.logged_in(here.bob)
            await send(other, *people(10), octets=BOBS, sender="bob@local.test")
            assert await sent(here) == Sent(10)

    asyncio.run(run())


def test_open_sessions_share_the_limit(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data, TEN) as here:
            sessions = [await here.logged_in(here.bob) for _ in range(4)]
            answers = []
            for number, one in enumerate(sessions):
                await one.mail(mail("bob@local.test"))
                answers += [said(await one.rcpt(rcpt(name))) for name in people(3, 10 * number)]
            assert answers == ["250 2.1.5"] * 10 + ["450 4.7.1"] * 2
            await sessions[0].close()
            assert said(await sessions[3].rcpt(rcpt("y@other.test"))) == "250 2.1.5"

    asyncio.run(run())


def test_an_alias_is_one_recipient_and_refusals_are_none(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data, TEN) as here:
            await here.town.alias("many@local.test", *people(50))
            one = await here.logged_in(here.bob)
            await one.mail(mail("bob@local.test"))
            for _ in range(20):
                assert said(await one.rcpt(rcpt("nobody@local.test"))) == "550 5.1.1"
            assert said(await one.rcpt(rcpt("many@local.test"))) == "250 2.1.5"
            await one.content(BOBS)
            await one.end(None)
            assert await sent(here) == Sent(1)

    asyncio.run(run())


def test_a_release_counts_within_a_second(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data, TEN) as here:
            one = await here.logged_in(here.bob)
            await send(one, *people(10), octets=BOBS, sender="bob@local.test")
            await one.mail(mail("bob@local.test"))
            assert said(await one.rcpt(rcpt("x@other.test"))) == "450 4.7.1"
            await here.db.write(lambda tx: sending.release(tx, here.bob.id))
            here.clock.advance(ASK_MS)
            assert said(await one.rcpt(rcpt("x@other.test"))) == "250 2.1.5"

    asyncio.run(run())


def test_strangers_and_listed_networks_have_no_limit(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data, Limits(sends_per_day=1)) as here:
            for one in (here.open(relay=True), here.open()):
                (answer,) = await send(
                    one, "alice@local.test", "bob@local.test", sender="bob@local.test"
                )
                assert said(answer) == "250 2.0.0"
            assert await sent(here) == Sent()

    asyncio.run(run())


def test_a_notice_that_can_t_be_written_changes_no_answer(
    database: Opener, data: Path, events: Recorder
) -> None:
    class Failing:
        async def commit(self, letter: object) -> None:
            raise StorageFailed(detail="the disk is gone")

    async def run() -> None:
        async with desk(database, data, Limits(sends_per_day=1)) as here:
            await send(
                await here.logged_in(here.bob), "x@other.test", octets=BOBS, sender="bob@local.test"
            )
            here.change(post=Failing())
            one = await here.logged_in(here.bob)
            await one.mail(mail("bob@local.test"))
            assert said(await one.rcpt(rcpt("x@other.test"))) == "450 4.7.1"

    asyncio.run(run())
    assert [(event.where, event.reason) for event in events.of(StorageTrouble)] == [
        ("notice", "the disk is gone"), ("notice", "the disk is gone"),
    ]  # fmt: skip


def test_an_account_without_a_mailbox_of_its_own_is_stopped_all_the_same(
    database: Opener, data: Path, events: Recorder
) -> None:
    async def run() -> None:
        async with desk(database, data, Limits(sends_per_day=1)) as here:
            one = await here.logged_in(here.bob)
            await one.mail(mail("bob@local.test"))
            await one.rcpt(rcpt("x@other.test"))
            await here.town.directory.change(
                lambda tx: accounts.remove(
                    tx, accounts.require(tx, at("bob@local.test")), here.clock()
                )
            )
            assert said(await one.rcpt(rcpt("y@other.test"))) == "450 4.7.1"
            assert len(await here.inbox(here.alice)) == 1

    asyncio.run(run())
    assert len(events.of(SendingStopped)) == 1


def test_who_is_barred_hears_why(database: Opener, data: Path, events: Recorder) -> None:
    async def run() -> None:
        async with desk(database, data, TEN) as here:
            await here.db.write(lambda tx: sending.bar(tx, here.bob.id))
            one = await here.logged_in(here.bob)
            await one.mail(mail("bob@local.test"))
            answer = await one.rcpt(rcpt("alice@local.test"))
            assert said(answer) == "450 4.7.1"
            assert "as if somebody else used your account; change your password" in answer.lines[0]
            here.clock.advance(WINDOW_MS * 2)
            assert said(await one.rcpt(rcpt("alice@local.test"))) == "450 4.7.1"
            await here.db.write(lambda tx: sending.release(tx, here.bob.id))
            here.clock.advance(ASK_MS)
            assert said(await one.rcpt(rcpt("alice@local.test"))) == "250 2.1.5"

    asyncio.run(run())
    assert not events.of(SendingStopped)
    assert {one.reason for one in events.of(RecipientRefused)} == {stopped.SUSPECTED}
