"""Is a backup whole? Every digest, the pages of the database, every body that it names."""

import asyncio
import contextlib
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from postroom.admin import names
from postroom.admin.backup import layout
from postroom.admin.backup.layout import Manifest
from postroom.db import snapshot, tables
from postroom.db.folder import DATABASE
from postroom.db.ids import to_text
from postroom.errors import Refused

MOST: Final = 1000  # faults that are named

Progress = Callable[[int, int], None]


class Verified(msgspec.Struct, frozen=True):
    """What was read of a backup; ``faults`` says what is wrong, at most ``MOST``."""

    folder: str
    created: datetime
    files: int
    octets: int
    faults: list[str]


async def verify(folder: Path, progress: Progress = lambda _done, _total: None) -> Verified:
    """Read all of a backup. Raises Refused when there is none, OSError."""
    return await asyncio.to_thread(_verify, folder, progress)


class Note(msgspec.Struct, frozen=True):
    """What came of it the last time, in the backup itself; when is the time of the file."""

    state: str
    faults: int


def last(folder: Path, manifest: Manifest) -> tuple[Note, datetime] | None:
    """What came of it the last time; None when the backup is a newer one, or nobody looked."""
    path = folder / layout.VERIFIED
    try:
        note = msgspec.json.decode(path.read_bytes(), type=Note)
        at = names.moment(round(path.stat().st_mtime * 1000))
    except (OSError, msgspec.DecodeError):
        return None
    return (note, at) if note.state == manifest.state else None


def _verify(folder: Path, progress: Progress) -> Verified:
    manifest = layout.read(folder)
    faults: list[str] = []
    files = octets = 0
    if _digest(folder / manifest.state / layout.DIGESTS) != manifest.digest:
        faults.append(f"{manifest.state}/{layout.DIGESTS} is not what was written")
    with closing(layout.digests(folder, manifest)) as lines:
        try:
            for path, wanted in lines:
                fault = _fault(folder / path, wanted)
                files += 1
                if fault:
                    _add(faults, f"{path} {fault}")
                else:
                    octets += (folder / path).stat().st_size
                progress(files, manifest.files)
        except Refused as error:
            faults.append(str(error))
    _look_into(folder, manifest, faults)
    with contextlib.suppress(OSError):  # a backup may be where nothing can be written
        note = msgspec.json.encode(Note(manifest.state, len(faults)))
        (folder / layout.VERIFIED).write_bytes(note + b"\n")
    return Verified(str(folder), names.moment(manifest.created), files, octets, faults)


def _look_into(folder: Path, manifest: Manifest, faults: list[str]) -> None:
    if manifest.engine == "postgres":
        for fault in tables.faults(folder / manifest.state / layout.POSTGRES):
            _add(faults, f"{manifest.state}/{layout.POSTGRES}: {fault}")
        return
    database = folder / manifest.state / DATABASE
    found = snapshot.faults(database)
    for fault in found:
        _add(faults, f"{manifest.state}/{DATABASE}: {fault}")
    if found:
        return
    try:
        for ident in snapshot.body_files(database):
            name = to_text(ident)
            path = f"{layout.BLOBS}/{name[:2]}/{name[2:4]}/{name}"
            if not (folder / path).is_file():
                _add(faults, f"{path} is missing, and a message needs it")
    except Refused as error:
        _add(faults, str(error))


def _fault(path: Path, wanted: str) -> str:
    found = _digest(path)
    if not found:
        return "is missing or can't be read"
    return "" if found == wanted else "is not what was written"


def _digest(path: Path) -> str:
    """The digest of a file; nothing when it can't be read."""
    try:
        return layout.digest(path)
    except OSError:
        return ""


def _add(faults: list[str], fault: str) -> None:
    if len(faults) < MOST:
        faults.append(fault)
