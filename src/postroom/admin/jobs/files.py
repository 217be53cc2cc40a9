"""Files that jobs work on: ``jobs/ID/`` in the data folder, an upload or what was exported.

They belong to a job, and go with it: whatever a crash leaves has no job, and is swept away.
"""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from postroom.admin.office import Office
from postroom.db.ids import first_id_at, from_text, to_text
from postroom.directory import jobs
from postroom.errors import Refused

DAY_MS: Final = 86_400_000
KEPT_MS: Final = 3 * DAY_MS
"""How long an export waits to be fetched, and an upload to be begun again."""

_MAX_NAME: Final = 100  # characters
_PLAIN: Final = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .-_+@()[]&"
)


def folder(office: Office, ident: int) -> Path:
    """The folder of a job."""
    return office.config.folder / "jobs" / to_text(ident)


def upload(folder: Path, name: str) -> Path:
    """Where an upload is in the folder of its job."""
    return folder / "upload" / name


def make(office: Office, ident: int) -> Path:
    """Its folder, new; only its owner can read it."""
    path = folder(office, ident)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.mkdir(mode=0o700)
    return path


def remove(office: Office, ident: int) -> None:
    """Remove the files of a job."""
    shutil.rmtree(folder(office, ident), ignore_errors=True)


def plain_name(name: str) -> str:
    """A file name that somebody chose, made harmless: the last part of a path, no odd letters."""
    last = name.replace("\\", "/").rpartition("/")[2]
    kept = "".join(one if one in _PLAIN or one.isalnum() else "_" for one in last[-_MAX_NAME:])
    return kept.lstrip(". ") or "upload"


def require_room(office: Office, octets: int) -> None:
    """Raises Refused unless so much may be written without touching the reserve of the disk."""
    if not office.blobs.disk.has_room(octets):
        raise Refused("the disk of the server has no room for that: ask its postmaster")


async def sweep(office: Office, *, of_all: bool = False) -> int:
    """Remove files that no job needs any more; how many folders there were.

    Those without a job may belong to an upload that goes on, unless they are old: ``of_all``
    says that there is none, as when a server starts.
    """
    here = list(_found(office.config.folder / "jobs"))
    now = office.now()
    known = await office.db.read(lambda tx: jobs.needing_files(tx, here, now - KEPT_MS))
    newest = first_id_at(now + 1 if of_all else now - DAY_MS)
    gone = [one for one in here if not known.get(one, one >= newest)]
    for ident in gone:
        await asyncio.to_thread(remove, office, ident)
    return len(gone)


def _found(root: Path) -> Iterator[int]:
    if not root.is_dir():
        return
    for one in root.iterdir():
        try:
            yield from_text(one.name)
        except ValueError:
            continue
