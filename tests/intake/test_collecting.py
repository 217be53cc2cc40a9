"""Reports that come by mail: those on our domains, from somebody who is who they say."""

import asyncio
import gzip
from pathlib import Path
from typing import Final

import pytest

from postroom.intake import collecting
from postroom.intake.collecting import Collector
from postroom.ledger import reports
from postroom.mailauth.feedback import build
from postroom.telemetry.events import ReportReceived
from tests.conftest import Opener
from tests.fakes import Recorder
from tests.intake.desk import Desk, desk, said
from tests.intake.test_examine import FORGER, brought, checking
from tests.mailauth.test_feedback import REPORT
from tests.message.test_enclosed import letter
from tests.policy.test_origin import signed

DOCUMENT: Final = build(REPORT).replace(b"<domain>a.test<", b"<domain>local.test<")
MAIL: Final = b"Subject: Report Domain: local.test Submitter: a.test Report-ID: <1>\r\n" + letter(
    gzip.compress(DOCUMENT)
)


def collecting_at(here: Desk) -> Collector:
    checking(here)
    collector = Collector(here.db, here.blobs, here.ids, here.town.directory)
    here.change(collector=collector)
    return collector


async def kept(here: Desk) -> list[str]:
    found = await here.db.read(lambda tx: reports.newest(tx, "", limit=10))
    return [one.domain for one in found]


def test_a_report_is_delivered_and_read(database: Opener, data: Path, events: Recorder) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            collector = collecting_at(here)
            for _ in range(2):  # it comes twice, and counts once
                assert said(await brought(here, signed(MAIL))) == "250 2.0.0"
                await collector.close()
            assert len(await here.inbox(here.bob)) == 2
            assert await kept(here) == ["local.test"]
            (event,) = events.of(ReportReceived)
            assert (event.kind, event.organization) == ("dmarc", "Us & <them>")
            assert (event.passed, event.failed) == (1, 3)

    asyncio.run(run())


def test_a_large_report(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            collector = collecting_at(here)
            padded = DOCUMENT.replace(b"</feedback>", b"<x>" + b"y" * 90_000 + b"</x></feedback>")
            mail = MAIL.partition(b"From:")[0] + letter(padded, "text/xml")
            assert said(await brought(here, signed(mail))) == "250 2.0.0"
            await collector.close()
            assert await kept(here) == ["local.test"]

    asyncio.run(run())


@pytest.mark.parametrize(
    "subject", [b"[Preview] Report Domain: local.test", b"=?utf-8?q?Report_Domain=3A?= local.test"]
)
def test_subjects_of_others(database: Opener, data: Path, subject: bytes) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            collector = collecting_at(here)
            mail = MAIL.replace(b"Report Domain: local.test", subject)
            assert said(await brought(here, signed(mail))) == "250 2.0.0"
            await collector.close()
            assert await kept(here) == ["local.test"]

    asyncio.run(run())


@pytest.mark.parametrize(
    "mail",
    [
        MAIL.replace(b"Subject: Report Domain", b"Subject: Something else"),
        MAIL.partition(b"From:")[0] + letter(gzip.compress(build(REPORT))),
        MAIL.partition(b"From:")[0] + letter(gzip.compress(b"<feedback/>")),
        MAIL.partition(b"From:")[0] + letter(gzip.compress(bytes(20_000_000))),
    ],
    ids=["subject", "not ours", "no report", "bomb"],
)
def test_what_is_no_report_on_us(database: Opener, data: Path, mail: bytes) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            collector = collecting_at(here)
            assert said(await brought(here, signed(mail))) == "250 2.0.0"
            await collector.close()
            assert await kept(here) == []

    asyncio.run(run())


def test_anybody_can_write_a_report(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            collector = collecting_at(here)
            forged = MAIL.replace(b"@a.test", b"@nowhere.test")
            assert said(await brought(here, forged, address=FORGER)) == "250 2.0.0"
            await collector.close()
            assert await kept(here) == []

    asyncio.run(run())


def test_what_waits_is_bounded(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            collector = collecting_at(here)
            monkeypatch.setattr(collecting, "MAX_WAITING", 0)
            assert said(await brought(here, signed(MAIL))) == "250 2.0.0"
            await collector.close()
            assert await kept(here) == []

    asyncio.run(run())
