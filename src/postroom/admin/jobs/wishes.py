"""What people ask the server to do: each becomes a job, which a server takes up at once."""

import asyncio
import platform
from pathlib import Path
from typing import Final, Literal, get_args

import msgspec

from postroom.admin import actor, names
from postroom.admin.backup import layout, schedule
from postroom.admin.jobs import files
from postroom.admin.jobs.views import JobView, job_id, report_of, view
from postroom.admin.moving.lists import Format
from postroom.admin.moving.remote import Remote, completed
from postroom.admin.office import Office
from postroom.admin.recording import recorded
from postroom.db.database import Tx
from postroom.directory import accounts, jobs
from postroom.directory.jobs import Job
from postroom.errors import Invalid, NotFound, Refused
from postroom.notify import JOBS
from postroom.store.names import checked

FORMATS: Final[tuple[Format, ...]] = get_args(Format)
MOST_OPEN: Final = 5  # jobs of an account that have not ended

ExportFormat = Literal["mbox", "maildir"]


class Verify(msgspec.Struct, frozen=True):
    """Read a backup again; ``name`` of its folder."""

    name: str


class FromImap(msgspec.Struct, frozen=True):
    """Bring mail from there, without the password. ``into``: a mailbox, "" for all as they are."""

    host: str
    port: int
    tls: Literal["implicit", "starttls", "none"]
    login: str
    is_token: bool
    verify: bool
    is_public: bool
    only: tuple[str, ...] = ()
    into: str = ""


class FromFile(msgspec.Struct, frozen=True):
    """Bring the mail of an upload, called ``name``."""

    name: str
    into: str = ""


class FromList(msgspec.Struct, frozen=True):
    """Make the accounts of an uploaded list; ``is_trial``: only say what that would be."""

    name: str
    form: Format
    domain: str
    is_trial: bool = True


class Export(msgspec.Struct, frozen=True):
    """Write all mail of an account into a file."""

    form: ExportFormat


Wish = Verify | FromImap | FromFile | FromList | Export | None


@recorded("backup.take", "lane")
async def back_up(office: Office, lane: str = "backup") -> JobView:
    """Take a backup now, beside those of the timetable. Raises Refused."""
    if office.config.backup.path is None:
        raise Refused("name a folder for backups first: path in [backup] of postroom.toml")
    return await _ask(office, _Asked("backup", "Backup", lane=lane))


@recorded("backup.verify", "name")
async def verify(office: Office, name: str) -> JobView:
    """Read a backup of the timetable, and compare it with its digests. Raises NotFound."""
    root = Path(office.config.backup.path or "")
    if name not in [one.name for one in await asyncio.to_thread(schedule.kept, root)]:
        raise NotFound(f"there is no backup {name}")
    created = names.moment((await asyncio.to_thread(layout.read, root / name)).created)
    title = f"Verify the backup of {created:%Y-%m-%d %H:%M}"
    return await _ask(office, _Asked("verify", title, Verify(name), lane="verify"))


@recorded("import.imap", "address", "host")
async def import_imap(
    office: Office,
    address: str,
    there: Remote,
    *,
    host: str = "",
    preset: str = "",
    only: tuple[str, ...] = (),
    into: str = "",
) -> JobView:
    """Bring mail from an IMAP server of others. Raises NotFound, Invalid, Refused."""
    there = completed(msgspec.structs.replace(there, host=host or there.host), preset)
    wish = FromImap(
        host=there.host,
        port=there.port,
        tls=there.tls,
        login=there.login,
        is_token=there.is_token,
        verify=there.verify,
        is_public=there.is_public,
        only=only,
        into=checked(into.strip()) if into.strip() else "",
    )
    title = f"Import from {there.login} at {there.host}"
    asked = _Asked("import-imap", title, wish, address=address, secret=there.secret)
    return await _ask(office, asked)


@recorded("import.file", "address", "name")
async def import_file(
    office: Office, address: str, ident: int, name: str, *, into: str = ""
) -> JobView:
    """Bring the mail of an upload, which lies in the folder of job ``ident``."""
    wish = FromFile(name, checked(into.strip()) if into.strip() else "")
    asked = _Asked("import-file", f"Import {name}", wish, address=address, ident=ident)
    return await _ask(office, asked)


@recorded("import.accounts", "name", "form", "domain")
async def import_list(
    office: Office, ident: int, name: str, form: Format, *, domain: str = ""
) -> JobView:
    """Say what the accounts of an uploaded list would be; ``make`` makes them."""
    wish = FromList(name, form, names.domain(domain).ascii if domain else "")
    asked = _Asked("import-list", f"Accounts of {name}", wish, lane="list", ident=ident)
    return await _ask(office, asked)


@recorded("import.accounts.make", "ident")
async def make(office: Office, ident: str) -> JobView:
    """Make the accounts that ``import_list`` has shown. Raises NotFound, Refused."""
    number = job_id(ident)

    def write(tx: Tx) -> Job:
        job = jobs.require(tx, number)
        if job.kind != "import-list" or job.state != "done" or report_of(job) is None:
            raise Refused("look at what would be made first")
        wish = msgspec.json.decode(job.wish, type=FromList)
        if not wish.is_trial or not files.folder(office, number).exists():
            raise Refused("its file is no longer kept: upload it once more")
        made = msgspec.structs.replace(wish, is_trial=False)
        jobs.again(tx, number, msgspec.json.encode(made).decode())
        return jobs.require(tx, number)

    found = await office.db.write(write)
    office.notify.hint([JOBS])
    return await view(office, found)


@recorded("export.mail", "address", "form")
async def export(office: Office, address: str, form: ExportFormat) -> JobView:
    """Write all mail of an account into one file, to be fetched. Raises NotFound, Refused."""
    title = "Export as mbox" if form == "mbox" else "Export as Maildir"
    asked = _Asked("export", title, Export(form), address=address, ident=office.ids.next())
    return await _ask(office, asked)


class _Asked(msgspec.Struct, frozen=True):
    """A job to be. ``ident``: of one with files on this machine; ``lane`` "": that of the account."""

    kind: str
    title: str
    wish: Wish = None
    address: str = ""
    lane: str = ""
    secret: str = ""
    ident: int = 0


async def _ask(office: Office, asked: _Asked) -> JobView:
    name = names.address(asked.address) if asked.address else None
    number = asked.ident or office.ids.next()
    asked_by, key = actor.present().name, office.directory.secrets.seal
    most = 1 if asked.kind in {"backup", "verify"} else MOST_OPEN

    def write(tx: Tx) -> Job:
        account = None if name is None else accounts.require(tx, name).id
        job = Job(
            id=number,
            account_id=account,
            kind=asked.kind,
            lane=asked.lane or f"account {account}",
            machine=platform.node() if asked.ident else "",
            title=asked.title,
            asked_by=asked_by,
            wish=msgspec.json.encode(asked.wish).decode(),
            state="waiting",
            held_until=0,
            done=0,
            total=0,
            step="",
            told="",
            created=office.now(),
        )
        if jobs.open_in(tx, job.lane) >= most:
            raise Refused("enough of that is under way already: wait for its end")
        jobs.add(tx, job, asked.secret, key)
        return job

    found = await office.db.write(write)
    office.notify.hint([JOBS])
    return await view(office, found)


def export_name(address: str, form: ExportFormat) -> str:
    """What the file of an export is called."""
    kind = "zip" if form == "mbox" else "tar.gz"
    return f"{files.plain_name(address)}.{kind}"


def require_format(text: str) -> Format:
    """The kind of a list of accounts; raises Invalid."""
    for one in FORMATS:
        if one == text:
            return one
    raise Invalid("choose which program has written the list")
