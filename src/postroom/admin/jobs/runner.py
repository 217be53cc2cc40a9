"""Does the jobs that wait, a few at once: a job of the server.

How far each is, is written down every second; that also holds it, and tells when it is to
stop. A server that ends lets go of what it does, and the next one begins it again where it was.
What each kind needs is imported when there is one to do.
"""

import asyncio
import contextlib
import platform
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from postroom.admin import actor
from postroom.admin.jobs import files
from postroom.admin.jobs.watch import Stopped, Watch
from postroom.admin.office import Office
from postroom.directory import jobs
from postroom.directory.jobs import Job, State
from postroom.errors import MailError, Refused
from postroom.notify import JOBS
from postroom.telemetry import trouble
from postroom.telemetry.trouble import quietly

AT_ONCE: Final = 2
LOOKS: Final = 30.0  # seconds from one look at the table to the next
TICK: Final = 1.0  # seconds from one note of how far a job is to the next
HOUR_MS: Final = 3_600_000
KEPT_MS: Final = 30 * 86_400_000  # how long it is shown what came of a job


class Runner:
    """``run`` until cancelled."""

    def __init__(
        self, office: Office, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._office = office
        self._sleep = sleep
        self._hurry = asyncio.Event()
        self._running: dict[int, asyncio.Task[None]] = {}
        self._swept = 0

    async def run(self) -> None:
        """Do jobs until cancelled; those that run then are begun again by the next server."""
        end = self._office.notify.subscribe(JOBS, self._hurry.set)
        try:
            await quietly("jobs of people", self._start)
            while True:
                self._hurry.clear()
                await self.once()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOKS):
                        await self._hurry.wait()
        finally:
            end()
            for task in self._running.values():
                task.cancel()
            await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def once(self) -> None:
        """Take up what waits, as far as there is room; tidy up from time to time."""
        await quietly("jobs of people", self._take_up)
        if self._office.now() - self._swept > HOUR_MS:
            await quietly("jobs of people", self._tidy)

    async def _take_up(self) -> None:
        office, room = self._office, AT_ONCE - len(self._running)
        if room > 0:
            now = office.now()
            for job in await office.db.write(lambda tx: jobs.take(tx, platform.node(), now, room)):
                self._running[job.id] = asyncio.create_task(self._do(job))

    async def finish(self) -> None:
        """Wait for those that run."""
        await asyncio.gather(*self._running.values())

    async def _start(self) -> None:
        is_alone = self._office.db.engine == "sqlite"
        await self._office.db.write(lambda tx: jobs.let_go(tx, platform.node(), of_all=is_alone))
        await files.sweep(self._office, of_all=True)

    async def _tidy(self) -> None:
        office = self._office
        now = self._swept = office.now()
        await office.db.write(lambda tx: jobs.forget_secrets(tx, now - files.KEPT_MS), bulk=True)
        while await office.db.write(lambda tx: jobs.purge(tx, now - KEPT_MS), bulk=True):
            pass
        await files.sweep(office)

    async def _do(self, job: Job) -> None:
        watch = Watch()
        ticking = asyncio.create_task(self._tick(job, watch))
        try:
            with actor.acting(actor.Actor("person", job.asked_by)):
                state, told = await self._outcome(job, watch)
            with contextlib.suppress(MailError):  # it is begun again when nobody holds it
                now = self._office.now()
                await self._office.db.write(lambda tx: jobs.settle(tx, job.id, state, told, now))
        except asyncio.CancelledError:
            watch.is_over = True
            with contextlib.suppress(MailError):
                await asyncio.shield(self._office.db.write(lambda tx: jobs.release(tx, job.id)))
            raise
        finally:
            ticking.cancel()
            self._running.pop(job.id, None)
            self._hurry.set()

    async def _outcome(self, job: Job, watch: Watch) -> tuple[State, str]:
        from postroom.admin.jobs import performing
        from postroom.admin.jobs.views import Report

        office = self._office
        try:
            key = office.directory.secrets.seal
            secret = await office.db.read(lambda tx: jobs.secret(tx, job.id, key))
            report = await performing.perform(office, job, secret, watch)
        except Stopped:
            return "stopped", ""
        except MailError as error:
            said = f"{error.text} ({error.detail})" if error.detail else error.text
            return "failed", msgspec.json.encode(Report(said)).decode()
        except (Refused, OSError) as error:
            said = str(error) or type(error).__name__
            return "failed", msgspec.json.encode(Report(said)).decode()
        except Exception as error:  # noqa: BLE001  # a fault of ours must not hold up the jobs of others
            trouble.tell(f"job {job.kind}", error)
            said = "It broke off: the log of the server says why."
            return "failed", msgspec.json.encode(Report(said)).decode()
        return "done", msgspec.json.encode(report).decode()

    async def _tick(self, job: Job, watch: Watch) -> None:
        office = self._office
        while not watch.is_over:
            await self._sleep(TICK)
            with contextlib.suppress(MailError):
                now = office.now()
                goes_on = await office.db.write(
                    lambda tx, now=now: jobs.note(  # type: ignore[misc]
                        tx, job.id, watch.done, watch.total, watch.step, now
                    ),
                    bulk=True,
                )
                watch.is_over = not goes_on
