"""Jobs are done one after the other, go on after a crash, and never take each other down."""

import asyncio
from collections.abc import Callable

import pytest

from postroom.admin.jobs import files, performing, views, wishes
from postroom.admin.jobs.runner import KEPT_MS, Runner
from postroom.admin.jobs.views import Report
from postroom.admin.jobs.watch import Watch
from postroom.admin.office import Office
from postroom.directory.jobs import Job
from postroom.errors import NotFound, Refused, StorageFull
from postroom.notify import JOBS
from postroom.telemetry.events import JobFailed, StorageTrouble
from tests.admin.bureau import Story
from tests.admin.jobs.working import ALICE, done, no_pause, town, until
from tests.fakes import Clock, Recorder

Tell = Callable[[Story], None]
Perform = Callable[[Office, Job, str, Watch], object]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Refused("no such folder there"), "no such folder there"),
        (StorageFull(detail="disk"), "Insufficient system storage, please try again later (disk)"),
        (OSError("gone"), "gone"),
    ],
)
def test_what_fails_says_why(
    tell: Tell, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await town(office)

        async def fails(*_: object) -> Report:
            raise error

        monkeypatch.setattr(performing, "_KINDS", {"export": fails})
        ended = await done(office, await wishes.export(office, ALICE, "mbox"))
        assert ended.state == "failed"
        assert ended.report is not None
        assert ended.report.said == said

    tell(story)


def test_a_fault_of_ours_is_told_to_the_log(
    tell: Tell, monkeypatch: pytest.MonkeyPatch, events: Recorder
) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await town(office)
        monkeypatch.setattr(performing, "_KINDS", {})
        ended = await done(office, await wishes.export(office, ALICE, "mbox"))
        assert ended.state == "failed"
        (event,) = events.of(JobFailed)
        assert event.job == "job export"
        assert "KeyError: 'export'" in event.traceback

    tell(story)


def test_files_that_cannot_be_tidied_up_hold_up_no_job(
    tell: Tell, monkeypatch: pytest.MonkeyPatch, events: Recorder
) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        async def fails(_office: Office, *, of_all: bool = False) -> int:
            raise PermissionError(13, "Permission denied", f"jobs {of_all}")

        await town(office)
        monkeypatch.setattr(files, "sweep", fails)
        server = asyncio.create_task(Runner(office, no_pause).run())
        job = await wishes.export(office, ALICE, "mbox")
        office.notify.publish([JOBS])  # as the hint does where a server listens
        assert (await until(office, job.id, lambda one: not one.is_open)).state == "done"
        server.cancel()
        await asyncio.gather(server, return_exceptions=True)
        assert [one.reason[-6:-1] for one in events.of(StorageTrouble)] == [" True", "False"]

    tell(story)


def test_progress_is_seen_and_a_stop_is_heard(tell: Tell, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await town(office)
        seen = asyncio.Event()

        async def works(_office: Office, _job: Job, _secret: str, watch: Watch) -> Report:
            while True:
                watch.show(3, 4, "INBOX")
                seen.set()
                await asyncio.sleep(0)

        monkeypatch.setattr(performing, "_KINDS", {"export": works})
        job = await wishes.export(office, ALICE, "mbox")
        runner = Runner(office, no_pause)
        await runner.once()
        await seen.wait()
        shown = await until(office, job.id, lambda one: bool(one.step))
        assert (shown.percent, shown.step, shown.state) == (75, "INBOX", "running")
        await views.stop(office, job.id)
        await runner.finish()
        assert (await views.show(office, job.id)).state == "stopped"

    tell(story)


def test_what_a_server_leaves_is_begun_again_by_the_next(
    tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await town(office)
        begun = asyncio.Event()

        async def never(*_: object) -> Report:
            begun.set()
            await asyncio.Event().wait()
            return Report("")

        real = performing._KINDS
        monkeypatch.setattr(performing, "_KINDS", {"export": never})
        job = await wishes.export(office, ALICE, "mbox")
        server = asyncio.create_task(Runner(office, no_pause).run())
        await begun.wait()
        server.cancel()
        await asyncio.gather(server, return_exceptions=True)
        assert (await views.show(office, job.id)).state == "running"
        monkeypatch.setattr(performing, "_KINDS", real)
        assert (await done(office, job)).state == "done"

    tell(story)


def test_a_new_job_is_begun_at_once_and_old_ones_are_forgotten(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await town(office)
        office.notify.listen()
        server = asyncio.create_task(Runner(office, no_pause).run())
        job = await wishes.export(office, ALICE, "mbox")
        shown = await until(office, job.id, lambda one: not one.is_open)
        assert shown.state == "done"
        clock.advance(KEPT_MS + 1)
        office.notify.publish([JOBS])
        with pytest.raises(NotFound):
            await until(office, job.id, lambda _one: False)
        server.cancel()
        await asyncio.gather(server, return_exceptions=True)

    tell(story)
