"""The daily letter: when it goes, to whom, and what it compares."""

import dataclasses
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from postroom.admin import accounts, domains, roles
from postroom.admin.office import Office
from postroom.admin.watch import status_letter
from postroom.config.alerts import Alerts
from postroom.config.backup import Backup
from postroom.config.model import Dns, Log
from postroom.net.dns import Resolver
from postroom.telemetry import sink
from postroom.telemetry.events import BackupFailed, ReportSent
from postroom.telemetry.log import written
from postroom.telemetry.session_events import RecipientRefused
from rig.dns import DnsServer
from tests.admin.test_housekeeping import Tell
from tests.admin.test_reporting import post
from tests.admin.watch.test_alerting import letters
from tests.directory.keys import quick
from tests.fakes import START, Clock, Recorder

HOUR: Final = 3_600_000
DAY: Final = 24 * HOUR
DELEGATION: Final = {("demo.test", "NS"): ["ns.demo.test."], ("ns.demo.test", "A"): ["127.0.0.1"]}

Told = Callable[[Office, Clock, Resolver], Awaitable[None]]


def asking(tell: Tell, story: Told) -> None:
    """A story with an owner and a resolver that knows no zone."""

    async def run(office: Office, clock: Clock) -> None:
        async with DnsServer({}) as server:
            resolver = Resolver([server.address])
            try:
                await domains.add(office, "demo.test", generate=quick)
                for name in ("ann", "bob"):
                    await accounts.add(office, f"{name}@demo.test", password=None)
                await roles.assign(office, "ann@demo.test", "owner")
                clock.advance(1)
                await story(with_settings(office), clock, resolver)
            finally:
                await resolver.close()

    tell(run)


def with_settings(office: Office, **changed: Any) -> Office:
    changed.setdefault("dns", Dns(public_addresses=("192.0.2.1",)))
    config = msgspec.structs.replace(office.config, **changed)
    return dataclasses.replace(office, config=config)


def test_it_goes_to_owners_when_something_has_changed(tell: Tell, events: Recorder) -> None:
    async def story(office: Office, clock: Clock, resolver: Resolver) -> None:
        assert await status_letter.draft(office, resolver) is None
        assert await status_letter.send(office, post(office), resolver) is None  # the first look
        clock.advance(days=1)
        assert await status_letter.send(office, post(office), resolver) is None  # nothing new
        drafted = await status_letter.draft(office, resolver)
        assert drafted is not None
        assert not drafted.matters
        assert await letters(office) == {}
        await accounts.add(office, "eve@demo.test", password=None)
        clock.advance(1)
        sent = await status_letter.send(office, post(office), resolver)
        assert sent is not None
        assert sent.subject == "mx.demo.test: changes in Administration"
        ((letter,),) = (await letters(office)).values()
        assert "To: ann@demo.test\r\n" in letter
        assert "Subject: mx.demo.test: changes in Administration\r\n" in letter
        assert "accounts added: 1 (eve@demo.test)\r\n" in letter
        assert "since 2026-09-21 14:13 UTC." in letter
        clock.advance(days=1)
        assert await status_letter.send(office, post(office), resolver) is None  # it was told
        assert [one.recipients for one in events.of(ReportSent)] == [("ann@demo.test",)]

    asking(tell, story)


def test_it_goes_once_a_day_from_its_hour_on(tell: Tell) -> None:
    async def story(office: Office, clock: Clock, resolver: Resolver) -> None:
        office = with_settings(office, alerts=Alerts(letter_hour=6))
        noted: list[int] = []

        async def due() -> bool:
            """Whether it was looked at this time."""
            await accounts.change(office, "bob@demo.test", name="B")
            await roles.assign(office, "bob@demo.test", "person")
            before = len((await letters(office)).get("ann", []))
            await status_letter.send_if_due(office, post(office), resolver)
            noted.append(clock.now)
            return len((await letters(office)).get("ann", [])) > before

        assert not await due()  # the first look, at 14:13
        assert await status_letter.last(office) is not None
        clock.now = START // DAY * DAY + DAY + 6 * HOUR - 1
        assert not await due()
        clock.advance(1)
        assert await due()
        clock.advance(10 * 60_000)
        assert not await due()
        clock.advance(DAY - 10 * 60_000 - 1)
        assert not await due()
        clock.advance(1)
        assert await due()

    asking(tell, story)


def test_without_an_owner_nothing_is_forgotten(tell: Tell) -> None:
    async def story(office: Office, clock: Clock, resolver: Resolver) -> None:
        await status_letter.send(office, post(office), resolver)
        await roles.assign(office, "ann@demo.test", "person")
        clock.advance(days=1)
        assert await status_letter.send(office, post(office), resolver) is None
        await roles.assign(office, "bob@demo.test", "owner")
        sent = await status_letter.send(office, post(office), resolver)
        assert sent is not None
        assert "roles given or taken: 2 (ann@demo.test, bob@demo.test)" in sent.text

    asking(tell, story)


def test_settings_backups_and_refusals_are_seen(tell: Tell, tmp_path: Path) -> None:
    async def story(office: Office, clock: Clock, resolver: Resolver) -> None:
        await status_letter.send(office, post(office), resolver)
        changed = with_settings(
            office, backup=Backup(path=str(tmp_path / "backups")), log=Log(console="none")
        )
        now = clock.now
        with written(changed.config):
            for number in range(25):
                sink.emit(
                    RecipientRefused(
                        status="5.1.1", recipient=f"u{number}@demo.test",
                        reason=f"192.0.2.{number} asks for u{number}@demo.test",
                    )
                )  # fmt: skip
            sink.emit(BackupFailed(folder="x", reason="no room"))
        clock.now = round(time.time() * 1000)
        drafted = await status_letter.draft(changed, resolver)
        assert drafted is not None
        assert clock.now > now
        lines = {one.title: one.lines for one in drafted.sections}
        assert lines["Refused"] == ("25 in the last 24 hours, 0 before: recipient: .. asks for ..",)
        assert lines["Backups"][0].startswith("1 attempt failed")
        assert any(one.startswith("[backup] path = ") for one in lines["Settings and program"])
        clock.advance(days=2)
        drafted = await status_letter.draft(changed, resolver)
        assert drafted is not None
        assert "Refused" not in {one.title for one in drafted.sections}

    asking(tell, story)


def test_records_that_nobody_tells_of_are_as_they_were(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock, _resolver: Resolver) -> None:
        async with DnsServer(DELEGATION) as server:
            resolver = Resolver([server.address])
            try:
                first = await status_letter.records(office, resolver, {}, port=server.port)
                states = first["demo.test"]
                assert states["MX demo.test (incoming mail)"] == "missing"
                server.zone = {**DELEGATION, ("demo.test", "MX"): ["10 mx.demo.test."]}
                resolver.forget()
                second = await status_letter.records(office, resolver, first, port=server.port)
                assert second["demo.test"]["MX demo.test (incoming mail)"] == "ok"
            finally:
                await resolver.close()
            gone = Resolver(["127.0.0.1:9"])
            try:
                third = await status_letter.records(office, gone, second, port=9)
            finally:
                await gone.close()
            assert third == second

    asking(tell, story)
