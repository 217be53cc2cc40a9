"""Backups by a timetable: a folder each below ``backup.path``, the oldest removed.

Which were taken is seen from the folders. A file that the last one has is linked from there, so
each is whole and costs only what is new.
"""

import asyncio
import re
import shutil
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from postroom.admin.backup import layout, taking
from postroom.admin.backup.taking import Order, Progress, Taken
from postroom.admin.office import Office
from postroom.errors import MailError, Refused
from postroom.telemetry import sink
from postroom.telemetry.events import BackupFailed, BackupTaken

HOUR_MS: Final = 3_600_000
AHEAD_MS: Final = 3_600_000  # what a clock may be ahead of the one before
RETRY: Final = 600.0  # seconds after a failure
BUSY: Final = 60.0  # seconds while one is taken that somebody asked for
_FOLDER: Final = re.compile(r"\d{8}T\d{6}Z")
_FORM: Final = "%Y%m%dT%H%M%SZ"
_BUSY: Final[set[Path]] = set()
"""Where one is being taken by this process: what it has begun is not to be tidied away."""


async def run(office: Office, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
    """Take them when they are due, until cancelled; nothing without ``backup.path``."""
    while office.config.backup.path is not None:
        await sleep(max(await _turn(office), 1.0))


async def _turn(office: Office) -> float:
    """Take one if it is due; seconds until the next look."""
    root = Path(office.config.backup.path or "")
    try:
        waits = await asyncio.to_thread(due, office)
    except OSError as error:  # the disk is away, or not ours at present
        sink.emit(BackupFailed(folder=str(root), reason=str(error)))
        return RETRY
    if root in _BUSY:
        return max(waits, BUSY)
    return RETRY if waits <= 0 and await once(office) is None else waits


def due(office: Office) -> float:
    """Seconds until the next."""
    taken = last(Path(office.config.backup.path or ""), office.now())
    if taken is None:
        return 0
    return (taken + office.config.backup.every * HOUR_MS - office.now()) / 1000


def last(root: Path, now: int) -> int | None:
    """When the newest that is whole was begun, in UTC milliseconds.

    One that is named after a time to come, by a clock that was wrong, tells nothing.
    """
    return max(
        (begun for one in kept(root) if (begun := _begun(one)) <= now + AHEAD_MS), default=None
    )


def _begun(folder: Path) -> int:
    return round(datetime.strptime(folder.name, _FORM).replace(tzinfo=UTC).timestamp() * 1000)


async def once(office: Office) -> Taken | None:
    """Take one now; None when that failed, which the log tells."""
    try:
        return await take(office)
    except (Refused, MailError, OSError):
        return None


async def take(office: Office, progress: Progress = lambda _done, _total: None) -> Taken:
    """Take one now, whatever the timetable says. Raises Refused, MailError, OSError."""
    root = Path(office.config.backup.path or "")
    if root in _BUSY:
        raise Refused("a backup is being taken already: wait for its end")
    _BUSY.add(root)
    try:
        return await _take(office, root, progress)
    finally:
        _BUSY.discard(root)


async def _take(office: Office, root: Path, progress: Progress) -> Taken:
    before = await asyncio.to_thread(kept, root)
    name = datetime.fromtimestamp(office.now() // 1000, UTC).strftime(_FORM)
    try:
        order = Order(before=before[-1] if before else None)
        taken = await taking.take(office, root / name, order, progress)
        await asyncio.to_thread(_remove_old, root, office.config.backup.keep, office.now())
    except (Refused, MailError, OSError) as error:
        sink.emit(BackupFailed(folder=str(root / name), reason=str(error)))
        await asyncio.to_thread(_remove_part, root / name)
        raise
    sink.emit(BackupTaken(folder=taken.folder, files=taken.files, octets=taken.octets))
    return taken


def kept(root: Path) -> list[Path]:
    """The backups that are whole, the oldest first."""
    if not root.is_dir():
        return []
    return sorted(
        one
        for one in root.iterdir()
        if _FOLDER.fullmatch(one.name) and (one / layout.MANIFEST).is_file()
    )


def _remove_old(root: Path, keep: int, now: int) -> None:
    """All but the newest; those of a time to come go first."""
    found = sorted(kept(root), key=lambda one: (_begun(one) <= now + AHEAD_MS, one.name))
    for one in found[:-keep]:
        (one / layout.MANIFEST).unlink()  # from here on it is none
        shutil.rmtree(one)
    whole = set(kept(root))
    for one in root.iterdir():
        if _FOLDER.fullmatch(one.name) and one not in whole:
            _remove_part(one)


def _remove_part(folder: Path) -> None:
    """What broke off."""
    if (folder / layout.LOCK).exists() and not (folder / layout.MANIFEST).exists():
        shutil.rmtree(folder)
