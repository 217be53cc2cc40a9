"""What is told of conclusions, and what happens when it can't be told."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from postroom.delivery.conclusions import Conclusion
from postroom.delivery.notices import Kind, Notices, Original
from postroom.delivery.services import Services
from postroom.directory import suppressions
from postroom.directory.suppressions import Scope
from postroom.errors import StorageFailed
from postroom.post.letter import Letter
from postroom.queue import changes
from postroom.queue.rows import QUARANTINED
from postroom.telemetry.events import (
    DeliveryFailed,
    MessageBounced,
    MessageDeferred,
    MessageDelivered,
    MessageQuarantined,
    RecipientSuppressed,
    StorageTrouble,
)
from tests.conftest import Opener
from tests.delivery.sinks import served
from tests.delivery.station import HOUR, Change, alone, notice_of, station
from tests.fakes import Recorder


class Mute(Notices):
    """Notices that can't be made, a number of times."""

    failures: int = 1 << 30
    error: Exception = ZeroDivisionError("no notice")

    async def of(
        self, kind: Kind, original: Original, conclusions: Sequence[Conclusion]
    ) -> Letter | None:
        if self.failures:
            self.failures -= 1
            raise self.error
        return await super().of(kind, original, conclusions)


def mute(error: Exception, times: int = 1 << 30) -> Change:
    def change(services: Services) -> Services:
        notices = services.reporter._notices
        notices.__class__ = Mute
        assert isinstance(notices, Mute)
        notices.failures, notices.error = times, error
        return services

    return change


def test_events_of_a_life(data: Path, tmp_path: Path, events: Recorder) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            here.sink.tls = served()
            here.sink.fault("RCPT later@b.test", "451 4.2.0 Later", times=1)
            here.sink.fault("RCPT no@b.test", "550 5.1.1 Nobody")
            await here.send("you@b.test", "me@b.test", "later@b.test", "no@b.test")
            await here.run()
            [delivered] = events.of(MessageDelivered)
            assert (delivered.host, delivered.recipients) == ("mx.b.test", 2)
            assert delivered.tls.startswith("TLSv1.3")
            assert delivered.reply == "250 2.0.0 Taken as 1"
            [deferred] = events.of(MessageDeferred)
            assert (deferred.recipients, deferred.seconds) == (1, 300)
            assert (deferred.host, deferred.reply) == ("mx.b.test", "451 4.2.0 Later")
            assert (deferred.failure, events.of(MessageBounced)[0].failure) == (
                "other", "no-mailbox",
            )  # fmt: skip
            [bounced] = events.of(MessageBounced)
            assert (bounced.recipient, bounced.status) == ("no@b.test", "5.1.1")
            assert len({one.queue_id for one in (delivered, deferred, bounced)}) == 1

    asyncio.run(run())


def test_a_notice_that_can_not_be_made_puts_the_rest_aside(
    database: Opener, data: Path, events: Recorder
) -> None:
    """What was delivered is never sent again, and what was refused does not vanish."""

    async def run() -> None:
        change = mute(ZeroDivisionError("no notice"))
        async with station(database, data, change=change) as here:
            here.sink.fault("RCPT no@b.test", "550 5.1.1 Nobody")
            ident = await here.send("you@b.test", "no@b.test")
            await here.until_quiet(hours=10)
            assert [one.recipients for one in here.sink.taken] == [["you@b.test"]]
            assert [(one.recipient, one.status) for one in await here.waiting()] == [
                ("no@b.test", QUARANTINED)
            ]
            assert "no notice" in events.of(DeliveryFailed)[0].traceback
            assert len(events.of(MessageQuarantined)) == 1
            assert await here.leases() == 0
            here.services.reporter._notices.__class__ = Notices
            await here.db.write(lambda tx: changes.release(tx, [ident]))
            await here.until_quiet()
            assert [notice_of(one)[1] for one in await here.inbox(here.alice)] == ["failed"]
            assert await here.waiting() == []

    asyncio.run(run())


def test_a_directory_that_can_not_be_asked_is_asked_again(
    data: Path, tmp_path: Path, events: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("postroom.delivery.reporter.PAUSE", 0.01)

    async def run() -> None:
        change = mute(StorageFailed(detail="the disk"), times=3)
        async with station(alone(tmp_path), data, change=change) as here:
            here.sink.fault("RCPT", "550 5.1.1 Nobody")
            await here.send("no@b.test")
            await here.run()
            assert [notice_of(one)[1] for one in await here.inbox(here.alice)] == ["failed"]
            assert [one.where for one in events.of(StorageTrouble)] == ["notice"] * 3

    asyncio.run(run())


def test_a_warning_that_can_not_be_made_is_left_out(
    data: Path, tmp_path: Path, events: Recorder
) -> None:
    async def run() -> None:
        change = mute(ZeroDivisionError("no notice"), times=1)
        async with station(alone(tmp_path), data, change=change) as here:
            here.sink.fault("RCPT", "451 4.2.0 Later")
            await here.send("you@b.test")
            await here.send("me@b.test")
            here.advance(4 * HOUR - 60_000)
            await here.run()
            here.advance(60_001)
            await here.clerk.sweep()
            assert len(await here.inbox(here.alice)) == 1
            assert len(events.of(DeliveryFailed)) == 1
            await here.clerk.sweep()
            assert len(await here.inbox(here.alice)) == 1

    asyncio.run(run())


def test_a_delay_is_told_with_the_attempt_that_shows_it(data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            here.sink.fault("RCPT", "451 4.2.0 Later")
            await here.send("you@b.test")
            here.advance(5 * HOUR)
            await here.dispatcher.drain()
            [notice] = await here.inbox(here.alice)
            assert notice_of(notice) == ("Delayed: Hello", "delayed")
            assert b"Status: 4.2.0" in notice
            assert b"Will-Retry-Until: " in notice
            await here.until_quiet(hours=20)
            assert len(await here.inbox(here.alice)) == 1

    asyncio.run(run())


@pytest.mark.parametrize(
    ("reply", "scope", "listed"),
    [
        ("550 5.1.1 No such user", "all", ["no@b.test"]),
        ("550 5.1.1 No such user", "api", []),  # a person wrote it
        ("550 5.7.1 Spam", "all", []),
        ("552 5.2.2 Mailbox full", "all", []),
        ("450 4.1.1 No such user", "all", []),  # given up: it was never sure
    ],
)
def test_whom_an_account_does_not_write_to_again(
    database: Opener, data: Path, events: Recorder, reply: str, scope: Scope, listed: list[str]
) -> None:
    async def run() -> None:
        async with station(database, data) as here:
            account_id = here.alice.id
            await here.town.directory.change(lambda tx: suppressions.choose(tx, account_id, scope))
            before = await here.town.directory.suppressing(account_id)
            here.sink.fault("RCPT no@b.test", reply)
            ident = await here.send("you@b.test", "no@b.test")
            await here.until_quiet(hours=24 * 7)
            rows = await here.db.read(lambda tx: suppressions.page(tx, account_id, limit=9))
            assert [one.address for one in rows] == listed
            assert [one.recipient for one in events.of(RecipientSuppressed)] == listed
            said = [detail for kind, who, detail in await here.facts(ident) if who == "no@b.test"]
            assert len([one for one in said if "suppression list" in one]) == len(listed)
            if listed:
                assert rows[0].reason == reply
            after = await here.town.directory.suppressing(account_id)
            assert (before.entries, after.entries) == (0, len(listed))

    asyncio.run(run())
