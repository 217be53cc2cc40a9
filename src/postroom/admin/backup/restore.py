"""Brings a backup back into an empty data folder, and into an empty database on PostgreSQL.

Every file is checked against its digest while it is copied; the database gets its name last,
so a restore that breaks off is seen and can be begun again. Then each mailbox gets a new
UIDVALIDITY, and what waits in the queue is held: it may have been delivered since.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from postroom.admin import names, queue
from postroom.admin.backup import copying, layout
from postroom.admin.backup.layout import Manifest
from postroom.admin.office import Office
from postroom.admin.open import open_office
from postroom.config.model import Config
from postroom.db.folder import DATABASE, sync
from postroom.db.migrate import available
from postroom.db.open import now_ms
from postroom.errors import Refused
from postroom.queue import listing
from postroom.queue.listing import EVERYTHING
from postroom.store import validity

MARK: Final = "restoring"  # there while the data folder is incomplete

Progress = Callable[[int, int], None]


class Restored(msgspec.Struct, frozen=True):
    """What came back: the state of ``created``; ``held`` messages for others wait to be released."""

    folder: str
    created: datetime
    files: int
    octets: int
    held: int
    settings: str


async def restore(
    config: Config, folder: Path, progress: Progress = lambda _done, _total: None
) -> Restored:
    """Restore into the data folder of the settings. Raises Refused, MailError, OSError."""
    manifest = await asyncio.to_thread(layout.read, folder)
    _check_engine(config, manifest)
    newest = max(one.number for one in available())
    if manifest.schema > newest:
        raise Refused(
            f"{folder} was written by a newer Postroom ({manifest.program}): install that one"
        )
    data = config.folder
    octets = await asyncio.to_thread(_bring_all, folder, manifest, data, progress)
    if config.database is not None:
        await asyncio.to_thread(_fill_database, config.database, folder, manifest, progress)
    async with open_office(config) as office:
        held = await _settle(office)
    (data / MARK).unlink()
    settings = folder / manifest.state / "postroom.toml"
    return Restored(
        folder=str(data),
        created=names.moment(manifest.created),
        files=manifest.files,
        octets=octets,
        held=held,
        settings=str(settings) if settings.exists() else "",
    )


def _check_engine(config: Config, manifest: Manifest) -> None:
    if config.database is not None and manifest.engine == "sqlite":
        raise Refused(
            "these settings name a PostgreSQL database, and the backup is one of SQLite:"
            " restore with settings without it"
        )
    if config.database is None and manifest.engine == "postgres":
        raise Refused(
            "the backup is one of PostgreSQL: name an empty database in the settings"
            ' (database = "postgresql://...")'
        )


def _fill_database(url: str, folder: Path, manifest: Manifest, progress: Progress) -> None:
    try:
        from postroom.db import dump
    except ImportError as error:
        raise Refused(
            f"PostgreSQL needs the extra: pip install 'postroom[postgres]' ({error})"
        ) from error
    dump.bring_back(url, folder / manifest.state / layout.POSTGRES, now_ms(), progress)


async def _settle(office: Office) -> int:
    """What must be otherwise than in the backup; how many letters are held."""
    after = 0
    while True:
        last = await office.db.write(
            lambda tx, after=after: validity.renew(tx, after, office.now()),  # type: ignore[misc]
            bulk=True,
        )
        if not last:
            break
        after = last
    waiting = await office.db.read(listing.stats)
    if waiting.deliveries:
        await queue.hold(office, EVERYTHING)
    return waiting.deliveries


def _bring_all(folder: Path, manifest: Manifest, data: Path, progress: Progress) -> int:
    _prepare(data)
    octets = done = 0
    folders: set[Path] = set()
    inside = f"{manifest.state}/"
    with closing(layout.digests(folder, manifest)) as lines:
        for path, wanted in lines:
            name = path.removeprefix(inside)
            done += 1
            if name.startswith(f"{layout.POSTGRES}/"):
                _check(folder / path, wanted)
                octets += (folder / path).stat().st_size
            elif name != "postroom.toml":
                target = data / (f"{DATABASE}.restored" if name == DATABASE else name)
                target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                folders.add(target.parent)
                _bring(folder / path, target, wanted)
                octets += target.stat().st_size
            progress(done, manifest.files)
    layout.sync_names(folders, data)
    if manifest.engine == "postgres":
        return octets
    database = data / f"{DATABASE}.restored"
    if not database.exists():
        raise Refused(f"the list of {folder} names no database: take another backup")
    database.replace(data / DATABASE)
    sync(data)
    return octets


def _prepare(data: Path) -> None:
    """An empty folder, or one where a restore broke off."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    there = {one.name for one in data.iterdir()}
    if there and MARK not in there:
        raise Refused(
            f"{data} is not empty, and nothing is overwritten: move it away, or name another data"
            " folder in the settings"
        )
    for name in (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm"):
        (data / name).unlink(missing_ok=True)
    fd = os.open(data / MARK, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    os.close(fd)


def _bring(source: Path, target: Path, wanted: str) -> None:
    with contextlib.suppress(OSError):
        if layout.digest(target) == wanted:  # of a restore that broke off
            return
    try:
        copying.copy(source, target)
    except FileNotFoundError:
        raise _missing(source) from None
    if layout.digest(target) != wanted:
        raise _damaged(source)


def _check(source: Path, wanted: str) -> None:
    """What is read from the backup itself later on."""
    try:
        found = layout.digest(source)
    except FileNotFoundError:
        raise _missing(source) from None
    if found != wanted:
        raise _damaged(source)


def _missing(source: Path) -> Refused:
    return Refused(f"{source} is missing: this backup can't be restored whole")


def _damaged(source: Path) -> Refused:
    return Refused(
        f"{source} is damaged: this backup can't be restored whole; see: postroom backup verify"
    )
