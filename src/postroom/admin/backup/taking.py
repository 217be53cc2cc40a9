"""Takes a backup while the server runs: the database of one moment, and all that belongs to it.

First the database is copied, then the body files: what it names is kept for a day after the
last message went, so the files are there. A folder that holds a backup is brought up to date;
only what is new is copied, and the backup before counts until the new one is whole.
"""

import asyncio
import itertools
import os
import shutil
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import msgspec

from postroom import VERSION
from postroom.admin.backup import copying, layout
from postroom.admin.backup.copying import Counted
from postroom.admin.backup.layout import Manifest
from postroom.admin.office import Office
from postroom.blobs.disk import Disk
from postroom.db import snapshot, tables
from postroom.db.folder import DATABASE
from postroom.db.locks import FileLock
from postroom.errors import Refused

_KEPT = ("secrets", "tls")  # folders of the data folder beside the bodies


class Taken(msgspec.Struct, frozen=True):
    """A backup that counts. ``new`` files and octets were not in the one before.

    ``is_same_disk``: it is on the file system of the data, and dies with it.
    """

    folder: str
    created: datetime
    files: int
    octets: int
    new: int
    new_octets: int
    is_same_disk: bool


class Order(msgspec.Struct, frozen=True):
    """How to take it. ``settings`` is the file to take along; ``links`` where that can be.

    ``before``: another backup, whose files are linked instead of being copied again.
    """

    settings: Path | None = None
    links: bool = True
    before: Path | None = None


Progress = Callable[[int, int], None]


def _no_progress(_done: int, _total: int) -> None:
    """Nobody watches."""


async def take(
    office: Office, folder: Path, order: Order, progress: Progress = _no_progress
) -> Taken:
    """Take a backup into a folder, new or with one. Raises Refused, MailError, OSError."""
    config = office.config
    return await asyncio.to_thread(
        _Taking(config.folder, config.database, folder, order, progress, office.blobs.disk).run,
        office.config.hostname,
        office.now(),
    )


class _Taking:
    def __init__(
        self,
        data: Path,
        url: str | None,
        folder: Path,
        order: Order,
        progress: Progress,
        disk: Disk,
    ) -> None:
        """``url`` is that of PostgreSQL, ``disk`` that of ``data``."""
        self._data = data.resolve()
        self._url = url
        self._folder = folder.absolute()
        self._order = order
        self._progress = progress
        self._disk = disk

    def run(self, hostname: str, now: int) -> Taken:
        self._prepare()
        lock = FileLock(self._folder / layout.LOCK)
        try:
            with lock.hold():
                return self._take(hostname, now)
        finally:
            lock.close()

    def _prepare(self) -> None:
        folder, data = self._folder, self._data
        if folder.resolve() == data or data in folder.resolve().parents:
            raise Refused(f"{folder} is inside the data folder {data}: name one elsewhere")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        names = {one.name for one in folder.iterdir()}
        if names and not names & {layout.MANIFEST, layout.LOCK}:
            raise Refused(f"{folder} holds other things than a backup: name an empty folder")
        if self._is_same_disk and not self._disk.has_room(self._weight()):
            raise Refused(
                f"{folder} is on the disk of the data, and a copy of the database would leave too"
                " little room for mail: name a folder on another disk"
            )

    @property
    def _is_same_disk(self) -> bool:
        return self._folder.stat().st_dev == self._data.stat().st_dev

    def _weight(self) -> int:
        """Octets of the database; bodies are linked."""
        return (self._data / DATABASE).stat().st_size if self._url is None else 0

    def _take(self, hostname: str, now: int) -> Taken:
        folder, created = self._folder, datetime.fromtimestamp(now // 1000, UTC)
        self._remove_states(keep=self._current())
        name = self._state_name(created)
        state = folder / name
        state.mkdir(mode=0o700)
        schema = self._copy_database(state)
        with os.fdopen(layout.create(state / layout.DIGESTS), "w", encoding="utf-8") as listing:
            known = self._known()
            with closing(known):
                counted = copying.copy_bodies(
                    self._data,
                    folder,
                    known,
                    listing,
                    lambda counted: self._progress(counted.files, 0),
                    before=self._order.before,
                    links=self._order.links,
                )
            self._copy_state(state, listing, counted)
            listing.flush()
            os.fsync(listing.fileno())
        layout.sync_names((one for one in state.rglob("*") if one.is_dir()), state)
        manifest = Manifest(
            state=name,
            created=now,
            hostname=hostname,
            program=VERSION,
            schema=schema,
            files=counted.files,
            octets=counted.octets,
            digest=layout.digest(state / layout.DIGESTS),
            engine="sqlite" if self._url is None else "postgres",
        )
        layout.write(folder, manifest)
        self._remove_states(keep=name)
        with closing(layout.digests(folder, manifest)) as wanted:
            copying.prune(folder, wanted)
        return Taken(
            folder=str(folder),
            created=created,
            files=counted.files,
            octets=counted.octets,
            new=counted.new,
            new_octets=counted.new_octets,
            is_same_disk=self._is_same_disk,
        )

    def _copy_database(self, state: Path) -> int:
        """The version of its schema."""
        if self._url is None:
            snapshot.take(self._data / DATABASE, state / DATABASE, self._progress)
            return snapshot.schema(state / DATABASE)
        from postroom.db import dump

        dump.take(self._url, state / layout.POSTGRES, self._progress)
        return tables.read(state / layout.POSTGRES).schema

    def _state_name(self, created: datetime) -> str:
        first = f"state-{created:%Y%m%dT%H%M%SZ}"
        names = itertools.chain((first,), (f"{first}-{number}" for number in itertools.count(1)))
        return next(name for name in names if not (self._folder / name).exists())

    def _copy_state(self, state: Path, listing: TextIO, counted: Counted) -> None:
        """What changes from one backup to the next: copied each time."""
        if self._order.settings is not None and self._order.settings.is_file():
            copying.copy(self._order.settings, state / "postroom.toml")
        for name in _KEPT:
            for path in sorted((self._data / name).rglob("*")):
                if path.is_file() and not path.is_symlink():
                    target = state / path.relative_to(self._data)
                    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                    copying.copy(path, target)
        for path in sorted(state.rglob("*")):
            if path.is_file() and path.name != layout.DIGESTS:
                listing.write(f"{layout.digest(path)}  {path.relative_to(self._folder)}\n")
                size = path.stat().st_size
                counted.files += 1
                counted.octets += size
                counted.new += 1
                counted.new_octets += size

    def _known(self) -> layout.Lines:
        """The list of the backup that is there already, else of the one before."""
        for folder in (self._folder, self._order.before):
            if folder is not None and (folder / layout.MANIFEST).exists():
                yield from layout.digests(folder, layout.read(folder))
                return

    def _current(self) -> str:
        if (self._folder / layout.MANIFEST).exists():
            return layout.read(self._folder).state
        return ""

    def _remove_states(self, *, keep: str) -> None:
        for one in self._folder.iterdir():
            if layout.is_state(one.name) and one.name != keep:
                shutil.rmtree(one)
