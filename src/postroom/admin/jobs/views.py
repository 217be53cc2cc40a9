"""Jobs as people see them: how far they are, what came of them; stopped, begun again, forgotten."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from postroom.admin import names, paging
from postroom.admin.jobs import files
from postroom.admin.office import Office
from postroom.admin.paging import Slice
from postroom.admin.recording import recorded
from postroom.db.database import Tx
from postroom.db.ids import to_text
from postroom.directory import jobs
from postroom.directory.jobs import Job, State
from postroom.errors import Invalid, NotFound, Refused
from postroom.notify import JOBS

UPLOADED: Final = frozenset({"import-file", "import-list"})
MOST_TOLD: Final = 100  # problems and rows that a report names


class Report(msgspec.Struct, frozen=True):
    """What came of a job: a sentence, and what did not work.

    ``rows`` are a table called ``table``, with its heading first. ``file``: there is one to be fetched.
    """

    said: str
    problems: tuple[str, ...] = ()
    problem_count: int = 0
    rows: tuple[tuple[str, ...], ...] = ()
    row_count: int = 0
    table: str = ""
    file: str = ""
    octets: int = 0


class JobView(msgspec.Struct, frozen=True):
    """A job. ``done`` of ``total`` is a weight; 0 where nobody knows it. ``account``: whose mail."""

    id: str
    kind: str
    title: str
    account: str
    asked_by: str
    state: State
    done: int
    total: int
    step: str
    report: Report | None
    created: datetime
    ended: datetime | None
    is_trial: bool = False
    has_files: bool = False

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self.state in {"waiting", "running"}

    @property
    def percent(self) -> int:
        """How far it is, from 0 to 100; 0 as long as nobody knows."""
        return min(100, self.done * 100 // self.total) if self.total else 0


async def page(
    office: Office, account_id: int | None, *, after: str = "", size: int = 20
) -> Slice[JobView]:
    """One page of the jobs of an account, or of all; the latest first."""
    found = await paging.Listing(
        office.directory,
        lambda tx, key, most: jobs.newest(tx, account_id, below=key[0], limit=most),
        lambda one: (one.id,),
        (jobs.NEWEST,),
        lambda tx: jobs.count(tx, account_id),
        lambda one: one,
    ).page(after, size)
    accounts = [one.account_id for one in found.items if one.account_id is not None]
    named = await office.directory.named(accounts)
    return paging.viewed(found, lambda one: _view(office, one, named))


async def show(office: Office, ident: str, account_id: int | None = None) -> JobView:
    """One, of an account if one is named. Raises NotFound."""
    number = job_id(ident)
    found = await office.directory.look(lambda tx: jobs.require(tx, number, account_id))
    return await view(office, found)


@recorded("job.stop", "ident")
async def stop(office: Office, ident: str, account_id: int | None = None) -> JobView:
    """Let it stop soon; what it has done so far stays. Raises NotFound."""
    number = job_id(ident)

    def write(tx: Tx) -> Job:
        jobs.require(tx, number, account_id)
        jobs.stop(tx, number, office.now())
        return jobs.require(tx, number)

    return await view(office, await office.db.write(write))


@recorded("job.again", "ident")
async def again(office: Office, ident: str, account_id: int | None = None) -> JobView:
    """Begin it again where it was; raises NotFound, and Refused when it can't be."""
    number = job_id(ident)

    def write(tx: Tx) -> Job:
        job = jobs.require(tx, number, account_id)
        if job.state not in {"failed", "stopped"}:
            raise Refused("it has not failed: there is nothing to begin again")
        if job.kind in UPLOADED and not files.folder(office, number).exists():
            raise Refused("its file is no longer kept: upload it once more")
        jobs.again(tx, number, job.wish)
        return jobs.require(tx, number)

    found = await office.db.write(write)
    office.notify.hint([JOBS])
    return await view(office, found)


@recorded("job.remove", "ident")
async def remove(office: Office, ident: str, account_id: int | None = None) -> None:
    """Forget one that has ended, with its files. Raises NotFound, Refused."""
    number = job_id(ident)

    def write(tx: Tx) -> None:
        if jobs.require(tx, number, account_id).is_open:
            raise Refused("it has not ended: stop it first")
        jobs.remove(tx, number)

    await office.db.write(write)
    await asyncio.to_thread(files.remove, office, number)


def job_id(text: str) -> int:
    """Read the id of a job; raises Invalid."""
    return names.ident(text, Invalid(f"{text} is no id of a job"))


async def file_of(office: Office, ident: str, account_id: int | None = None) -> Path:
    """The file that an export has written. Raises NotFound."""
    number = job_id(ident)
    found = await office.directory.look(lambda tx: jobs.require(tx, number, account_id))
    report = report_of(found)
    if report is not None and report.file:
        path = files.folder(office, number) / report.file
        if await asyncio.to_thread(path.is_file):
            return path
    raise NotFound("that file is no longer kept: export it once more")


def report_of(job: Job) -> Report | None:
    """What came of it."""
    return msgspec.json.decode(job.told, type=Report) if job.told else None


async def view(office: Office, job: Job) -> JobView:
    """As it is shown."""
    account = job.account_id
    named = {} if account is None else await office.directory.named([account])
    return _view(office, job, named)


def _view(office: Office, job: Job, named: Mapping[int, str]) -> JobView:
    return JobView(
        id=to_text(job.id),
        kind=job.kind,
        title=job.title,
        account="" if job.account_id is None else named.get(job.account_id, ""),
        asked_by=job.asked_by,
        state=job.state,
        done=job.done,
        total=job.total,
        step=job.step,
        report=report_of(job),
        created=names.moment(job.created),
        ended=None if job.ended is None else names.moment(job.ended),
        is_trial='"is_trial":true' in job.wish,
        has_files=bool(job.machine) and files.folder(office, job.id).is_dir(),
    )
