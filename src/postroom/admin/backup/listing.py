"""The backups of the timetable, as a postmaster sees them."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from postroom.admin import names
from postroom.admin.backup import layout, schedule, verify
from postroom.admin.office import Office
from postroom.errors import Refused


class BackupView(msgspec.Struct, frozen=True):
    """One that is whole. ``octets`` of all its files; ``faults`` None when nobody has verified it."""

    name: str
    created: datetime
    files: int
    octets: int
    verified: datetime | None = None
    faults: int | None = None


class Backups(msgspec.Struct, frozen=True):
    """What there is, the newest first; ``next`` is when another is due."""

    path: str
    every: int
    keep: int
    items: tuple[BackupView, ...] = ()
    next: datetime | None = None
    problem: str = ""


async def every(office: Office) -> Backups | None:
    """All of them; None where the settings name no folder."""
    settings = office.config.backup
    if settings.path is None:
        return None
    items, problem = await asyncio.to_thread(_items, Path(settings.path))
    following = items[0].created + timedelta(hours=settings.every) if items else None
    return Backups(settings.path, settings.every, settings.keep, items, following, problem)


def _items(root: Path) -> tuple[tuple[BackupView, ...], str]:
    try:
        return tuple(_view(one) for one in reversed(schedule.kept(root))), ""
    except (OSError, Refused) as error:
        return (), str(error)


def _view(folder: Path) -> BackupView:
    manifest = layout.read(folder)
    found = verify.last(folder, manifest)
    return BackupView(
        folder.name,
        names.moment(manifest.created),
        manifest.files,
        manifest.octets,
        found[1] if found else None,
        found[0].faults if found else None,
    )
