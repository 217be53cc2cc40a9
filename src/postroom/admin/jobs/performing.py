"""What each kind of job does. Every one may be begun again after it has broken off."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from postroom.admin.backup import schedule, verify
from postroom.admin.jobs import files, wishes
from postroom.admin.jobs.views import MOST_TOLD, Report
from postroom.admin.jobs.watch import Watch
from postroom.admin.jobs.wishes import Export, FromFile, FromImap, FromList, Verify
from postroom.admin.moving import archive, importing, lists, people, unpacking
from postroom.admin.moving.imap_source import ImapSource
from postroom.admin.moving.importing import Imported, Order, Source, Tally
from postroom.admin.moving.people import Outcome
from postroom.admin.moving.remote import Remote, open_imap
from postroom.admin.moving.source import LeftOut
from postroom.admin.names import count, size
from postroom.admin.office import Office
from postroom.directory import jobs
from postroom.directory.jobs import Job
from postroom.errors import NotFound, Refused

WishT = TypeVar("WishT")

MAX_LIST: Final = 16 << 20  # octets of a list of accounts


async def perform(office: Office, job: Job, secret: str, watch: Watch) -> Report:
    """Do it. Raises Refused (``Stopped`` among them), MailError, OSError."""
    return await _KINDS[job.kind](office, job, secret, watch)


async def _backup(office: Office, _job: Job, _secret: str, watch: Watch) -> Report:
    taken = await schedule.take(office, lambda done, total: watch.show(done, total, "copying"))
    said = (
        f"{count(taken.files, 'file')} ({size(taken.octets)}) in {taken.folder};"
        f" {taken.new} of them are new ({size(taken.new_octets)})."
    )
    problems = ("It is on the disk of the mail, and dies with it.",) if taken.is_same_disk else ()
    return Report(said, problems, len(problems))


async def _verify(office: Office, job: Job, _secret: str, watch: Watch) -> Report:
    root, name = Path(office.config.backup.path or ""), _wish(job, Verify).name
    if name not in [one.name for one in await asyncio.to_thread(schedule.kept, root)]:
        raise NotFound(f"the backup {name} is gone: it was the oldest of those that are kept")
    found = await verify.verify(root / name, lambda done, total: watch.show(done, total, "reading"))
    read = f"{count(found.files, 'file')} ({size(found.octets)}) read"
    if not found.faults:
        return Report(f"It is whole: {read}, and each is what was written.")
    said = f"It is damaged: take another one. {read}."
    return Report(said, tuple(found.faults[:MOST_TOLD]), len(found.faults))


async def _imap(office: Office, job: Job, secret: str, watch: Watch) -> Report:
    wish = _wish(job, FromImap)
    there = Remote(
        "imap", wish.host, wish.port, wish.tls, wish.login, secret, wish.is_token, wish.verify,
        wish.is_public,
    )  # fmt: skip
    if not secret:
        raise Refused("the password is no longer kept: ask for the import once more")
    watch.show(0, 0, f"logging in at {there.host}")
    source = await ImapSource.open(
        lambda: open_imap(office.config, there), f"{there.login} at {there.host}", wish.only
    )
    try:
        return await _bring(office, job, source, wish.into, watch)
    finally:
        await source.close()


async def _file(office: Office, job: Job, _secret: str, watch: Watch) -> Report:
    wish, folder = _wish(job, FromFile), files.folder(office, job.id)
    watch.show(0, 0, "unpacking")
    limits = unpacking.Limits(
        10 * office.config.uploads.max_size, lambda octets: files.require_room(office, octets)
    )
    unpacked = folder / "unpacked"
    await asyncio.to_thread(
        unpacking.unpack, files.upload(folder, wish.name), unpacked, limits, watch.show
    )
    source = await asyncio.to_thread(unpacking.source, unpacked)
    report = await _bring(office, job, importing.Files(source), wish.into, watch, unpacked)
    await asyncio.to_thread(files.remove, office, job.id)
    return report


async def _bring(
    office: Office, job: Job, source: Source, into: str, watch: Watch, root: Path | None = None
) -> Report:
    address = await _address(office, job)

    def show(tally: Tally) -> None:
        files.require_room(office, 0)
        step = f"{tally.folder}: {tally.filed} filed" if tally.folder else ""
        watch.show(tally.done, tally.total, step)

    done = await importing.run(office, address, source, Order(folder=into), show)
    return _imported(done, root)


def _imported(done: Imported, root: Path | None) -> Report:
    said = f"{count(done.filed, 'message')} of {count(done.folders, 'folder')} filed"
    said += f" ({size(done.octets)})" if done.octets else ""
    said += f"; {done.known} had come before." if done.known else "."
    if done.left_out_count:
        said += f" {done.left_out_count} could not be brought over."
    renamed = [("There", "Here"), *sorted(done.renamed.items())[:MOST_TOLD]]
    return Report(
        said,
        tuple(_left_out(done.left_out, root)),
        done.left_out_count,
        tuple(renamed) if done.renamed else (),
        len(done.renamed),
        "Folders that are called differently here",
    )


def _left_out(some: Iterable[LeftOut], root: Path | None = None) -> list[str]:
    """What could not be brought, without the place of our own files."""
    prefix = f"{root}/" if root else ""
    return [f"{one.origin.removeprefix(prefix)}: {one.reason}" for one in some][:MOST_TOLD]


async def _list(office: Office, job: Job, _secret: str, watch: Watch) -> Report:
    wish = _wish(job, FromList)
    text = await asyncio.to_thread(_text, files.upload(files.folder(office, job.id), wish.name))
    wishes_ = await asyncio.to_thread(lists.read, text, wish.form, wish.domain)
    outcome = await people.bring(
        office,
        wishes_,
        is_trial=wish.is_trial,
        progress=lambda done, total: watch.show(done, total, "looking" if wish.is_trial else ""),
    )
    if not wish.is_trial:
        await asyncio.to_thread(files.remove, office, job.id)
    return _listed(outcome)


def _listed(outcome: Outcome) -> Report:
    verb = "were made" if outcome.is_done else "would be made"
    said = f"{len(outcome.steps)} {verb}, {len(outcome.there)} are there already."
    if outcome.without_password:
        said += f" {len(outcome.without_password)} have no password: set one for each."
    if outcome.skipped:
        said += f" {len(outcome.skipped)} can't be had here."
    rows = [("What", "Address", "Password", "Name, or where to")]
    rows += [(one.what, one.name, one.password, one.detail[:200]) for one in outcome.steps]
    skipped = tuple(f"{one.what}: {one.reason}" for one in outcome.skipped[:MOST_TOLD])
    shown = tuple(rows[: MOST_TOLD + 1]) if outcome.steps else ()
    return Report(said, skipped, len(outcome.skipped), shown, len(outcome.steps), "The list")


def _text(path: Path) -> str:
    if path.stat().st_size > MAX_LIST:
        raise Refused("the list is larger than 16 MB: cut it into several")
    return path.read_bytes().decode("utf-8-sig", "replace")


async def _export(office: Office, job: Job, _secret: str, watch: Watch) -> Report:
    wish, address = _wish(job, Export), await _address(office, job)
    for earlier in await office.db.read(lambda tx: jobs.newest(tx, job.account_id, limit=100)):
        if earlier.kind == "export":  # of an account one is kept
            await asyncio.to_thread(files.remove, office, earlier.id)
    folder = await asyncio.to_thread(files.make, office, job.id)
    usage = await office.store.usage(job.account_id or 0)
    await asyncio.to_thread(files.require_room, office, usage.octets)
    name = wishes.export_name(address, wish.form)
    try:
        done = await archive.export_file(
            office,
            address,
            folder / name,
            wish.form,
            lambda shown: watch.show(shown.messages, shown.total, shown.folder),
        )
    except BaseException:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        raise
    octets = (await asyncio.to_thread((folder / name).stat)).st_size
    said = f"{count(done.messages, 'message')} of {count(done.mailboxes, 'folder')}: {name}, {size(octets)}."
    return Report(
        said, tuple(_left_out(done.left_out)), len(done.left_out), file=name, octets=octets
    )


async def _address(office: Office, job: Job) -> str:
    if job.account_id is None:
        raise NotFound("the account is gone")
    return await office.directory.address_of(job.account_id)


def _wish(job: Job, kind: type[WishT]) -> WishT:
    return msgspec.json.decode(job.wish, type=kind)


_KINDS: Final[Mapping[str, Callable[[Office, Job, str, Watch], Awaitable[Report]]]] = {
    "backup": _backup,
    "verify": _verify,
    "import-imap": _imap,
    "import-file": _file,
    "import-list": _list,
    "export": _export,
}
