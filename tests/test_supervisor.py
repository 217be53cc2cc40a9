"""Jobs of a server: begun again after a fault, ended together."""

import asyncio

from postroom import supervisor
from postroom.supervisor import Supervisor
from postroom.telemetry.events import JobFailed
from tests.fakes import Recorder


def test_a_fault_is_told_and_the_job_begins_again(events: Recorder) -> None:
    async def run() -> None:
        waits: list[float] = []
        done = asyncio.Event()

        async def sleep(seconds: float) -> None:
            waits.append(seconds)

        async def job() -> None:
            if len(waits) < 2:
                raise KeyError("renewal")
            done.set()

        jobs = Supervisor(sleep)
        jobs.begin("certificates", job)
        await done.wait()
        await jobs.end()
        assert waits == [supervisor.PAUSE] * 2

    asyncio.run(run())
    first, second = events.of(JobFailed)
    assert first.job == second.job == "certificates"
    assert "KeyError: 'renewal'" in first.traceback


def test_the_end_waits_until_each_has_tidied_up(events: Recorder) -> None:
    tidy: list[str] = []

    async def run() -> None:
        begun = asyncio.Event()

        async def lasting() -> None:
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0)
                tidy.append("lasting")

        async def broken() -> None:
            raise ValueError

        async def short() -> None:
            tidy.append("short")

        jobs = Supervisor()  # the end comes in the pause after the fault
        jobs.begin("short", short)
        jobs.begin("broken", broken)
        jobs.begin("lasting", lasting)
        await begun.wait()
        await jobs.end()
        await jobs.end()

    asyncio.run(run())
    assert tidy == ["short", "lasting"]
    assert [one.job for one in events.of(JobFailed)] == ["broken"]
