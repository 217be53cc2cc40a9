"""Files into a backup and out of it: linked where the disk is the same, else copied durably.

Body files never change, so a link is as good as a copy until the disk dies. They are walked in
the order of their paths beside the list of the backup before: what it has is not read again.
"""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

import msgspec

from postroom.admin.backup import layout


class Counted(msgspec.Struct):
    """What a copy has come to. ``octets`` of all files, ``new`` those that were not there."""

    files: int = 0
    octets: int = 0
    new: int = 0
    new_octets: int = 0


Progress = Callable[[Counted], None]


def copy_bodies(
    data: Path,
    target: Path,
    known: Iterator[tuple[str, str]],
    listing: TextIO,
    progress: Progress,
    *,
    before: Path | None = None,
    links: bool = True,
) -> Counted:
    """Bring every body file of ``data`` into ``target``, and write its line of the list.

    ``known`` are the lines of the backup in ``before``. Raises OSError.
    """
    counted = Counted()
    folders: set[Path] = set()
    known_path, known_digest = next(known, ("", ""))
    for path in layout.bodies(data):
        while known_path and known_path < path:
            known_path, known_digest = next(known, ("", ""))
        there = target / path
        sources = [data / path]
        if before is not None and known_path == path:
            sources.insert(0, before / path)
        try:
            if not there.exists():
                if there.parent not in folders:
                    there.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                    folders.add(there.parent)
                bring(sources, there, links=links)
                counted.new += 1
                counted.new_octets += there.stat().st_size
        except FileNotFoundError:
            continue  # it was deleted for good meanwhile
        found = known_digest if known_path == path else layout.digest(there)
        listing.write(f"{found}  {path}\n")
        counted.files += 1
        counted.octets += there.stat().st_size
        progress(counted)
    layout.sync_names(folders, target)
    return counted


def bring(sources: list[Path], target: Path, *, links: bool) -> None:
    """Link one of the sources, or copy the first that is there. Raises OSError."""
    for source in sources if links else ():
        with contextlib.suppress(OSError):
            os.link(source, target, follow_symlinks=False)
            return
    for source in sources:
        if source.exists():
            copy(source, target)
            return
    raise FileNotFoundError(2, "No such file or directory", str(sources[-1]))


def copy(source: Path, target: Path) -> None:
    """Copy a file; the target is whole and durable, or not there."""
    part = target.with_name(f"{target.name}.part")
    with source.open("rb") as reading, os.fdopen(layout.create(part), "wb") as writing:
        shutil.copyfileobj(reading, writing, layout.BLOCK)
        writing.flush()
        os.fsync(writing.fileno())
    part.replace(target)


def prune(folder: Path, wanted: Iterator[tuple[str, str]]) -> int:
    """Remove the body files of a backup that its list does not name; how many."""
    gone = 0
    path = ""
    for there in layout.bodies(folder):
        while path < there:
            found = next(wanted, None)
            if found is None:
                path = "\U0010ffff"
                break
            path = found[0]
        if path != there:
            (folder / there).unlink(missing_ok=True)
            gone += 1
    return gone
