"""The job that fetches: who fails is told and holds up nobody, and it is woken."""

import asyncio
from pathlib import Path

import pytest

from postroom.admin import fetch_visit
from postroom.admin.fetcher import Fetcher
from postroom.directory import fetchings
from postroom.net.imap import ImapConnection
from postroom.notify import FETCHING
from postroom.telemetry.events import JobFailed
from tests.admin.elsewhere import again, source, state, told
from tests.conftest import Opener
from tests.fakes import Recorder
from tests.intake.desk import LETTER, Desk
from tests.net.imap_server import DROP
from tests.net.pop3_server import Pop3Server


def test_a_server_that_fails_is_told_and_left_alone_for_longer(
    database: Opener, data: Path
) -> None:
    async def story(here: Desk, job: Fetcher) -> None:
        async with Pop3Server(("a", LETTER), ("b", LETTER)).running() as server:
            await source(here, server.port)
            server.trick = lambda line: DROP if line == "RETR 2" else None
            await job.once()
            one = await state(here)
            assert (one.fetched, one.failures) == (1, 1)
            assert "closed the connection" in one.problem
            assert one.next_at == here.clock() + 20 * 60_000
            server.trick = lambda _line: None
            await again(here, job)
            assert len(await here.inbox(here.bob)) == 2
            server.password = "changed"
            await again(here, job)
            assert "said no to PASS" in (await state(here)).problem

    told(database, data, story)


def test_a_fault_of_ours_holds_up_no_other_account(
    database: Opener, data: Path, events: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> ImapConnection:
        raise KeyError("a name that nobody expected")

    monkeypatch.setattr(fetch_visit, "open_imap", fails)

    async def story(here: Desk, job: Fetcher) -> None:
        async with Pop3Server(("a", LETTER)).running() as server:
            await source(here, server.port)
            await source(here, server.port, "imap")
            assert await job.once() == 2
            good, bad = await here.db.read(lambda tx: fetchings.page(tx, 0, 10))
            assert (good.fetched, good.problem) == (1, "")
            assert (bad.failures, bad.problem) == (
                1,
                "It broke off: the log of the server says why.",
            )

    told(database, data, story)
    assert {one.job.partition(" of ")[0] for one in events.of(JobFailed)} == {"fetching"}


def test_the_job_waits_and_is_woken(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(here: Desk, job: Fetcher) -> None:
        async with Pop3Server(("a", LETTER)).running() as server:
            task = asyncio.create_task(job.run())
            await asyncio.sleep(0)
            await source(here, server.port)
            came = asyncio.Event()
            monkeypatch.setattr(job, "_one", lambda *_: _set(came))
            here.notify.publish([FETCHING])
            async with asyncio.timeout(30):
                await came.wait()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    told(database, data, story)


async def _set(event: asyncio.Event) -> None:
    event.set()
