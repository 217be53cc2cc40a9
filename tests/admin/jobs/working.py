"""A runner whose jobs are done at once, in an install with a person."""

import asyncio
from collections.abc import Callable

from postroom.admin import accounts, domains
from postroom.admin.jobs import views
from postroom.admin.jobs.runner import Runner
from postroom.admin.jobs.views import JobView
from postroom.admin.office import Office
from tests.directory.keys import quick

ALICE = "alice@demo.test"


async def town(office: Office) -> None:
    await domains.add(office, "demo.test", generate=quick)
    await accounts.add(office, ALICE, password=None)


async def no_pause(_seconds: float) -> None:
    await asyncio.sleep(0)


async def until(office: Office, ident: str, is_so: Callable[[JobView], bool]) -> JobView:
    """Look at a job until it is so."""
    while True:
        shown = await views.show(office, ident)
        if is_so(shown):
            return shown
        await asyncio.sleep(0)


async def work(office: Office) -> None:
    """Do what waits, one of each lane."""
    runner = Runner(office, no_pause)
    await runner.once()
    await runner.finish()


async def done(office: Office, job: JobView) -> JobView:
    """Do what waits; what became of one job."""
    await work(office)
    return await views.show(office, job.id)
