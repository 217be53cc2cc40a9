"""All mail of an account in one file: mbox files in a zip, or a Maildir in a compressed tar.

It is written by the same writers as an export into a folder, and what is complete goes into the
archive at once: of a Maildir a message, of mbox files a mailbox is on the disk beside it.
"""

import asyncio
import contextlib
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from postroom.admin.moving import export, manifest
from postroom.admin.moving.export import Done, Format, Progress
from postroom.admin.moving.manifest import Manifest
from postroom.admin.moving.writer import Stored, Writer
from postroom.admin.office import Office
from postroom.store.mailboxes import Mailbox

LEVEL = 1  # of compression: mail is large, and half of it is base64


class Archive(Protocol):
    """What files are put into."""

    def put(self, path: Path, name: str) -> None:
        """A file, or an empty folder."""

    def close(self) -> None:
        """It is complete."""


class Zip:
    """For mbox files: every system opens it."""

    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(
            path, "x", zipfile.ZIP_DEFLATED, compresslevel=LEVEL, strict_timestamps=False
        )

    def put(self, path: Path, name: str) -> None:
        """A file, or an empty folder."""
        self._zip.write(path, name)

    def close(self) -> None:
        """It is complete."""
        self._zip.close()


class Tar:
    """For a Maildir: it keeps when messages came, and has no list that grows."""

    def __init__(self, path: Path) -> None:
        self._tar = tarfile.open(path, "x:gz", compresslevel=LEVEL, format=tarfile.PAX_FORMAT)  # noqa: SIM115

    def put(self, path: Path, name: str) -> None:
        """A file, or an empty folder."""
        self._tar.add(path, name, recursive=False, filter=_of_nobody)
        self._tar.members = []  # type: ignore[attr-defined]  # it would keep all of them

    def close(self) -> None:
        """It is complete."""
        self._tar.close()


class Shipper:
    """A writer whose files go into an archive as soon as they are complete."""

    def __init__(self, inner: Writer, root: Path, archive: Archive) -> None:
        """``inner`` writes below ``root``."""
        self._inner = inner
        self._root = root
        self._archive = archive
        self._place = root

    def begin(self, mailbox: Mailbox) -> str:
        """A mailbox begins."""
        place = self._inner.begin(mailbox)
        self._place = self._root / place
        return place

    def open(self, stored: Stored) -> None:
        """A message begins."""
        self._inner.open(stored)

    def write(self, block: bytes) -> None:
        """The next octets of the message."""
        self._inner.write(block)

    def close(self, stored: Stored, *, is_whole: bool = True) -> None:
        """A message is complete: a file of its own goes."""
        self._inner.close(stored, is_whole=is_whole)
        cur = self._place / "cur"
        if self._place.is_dir() and cur.is_dir():
            for path in list(cur.iterdir()):
                self._ship(path)
                path.unlink()

    def end(self) -> None:
        """The mailbox is complete."""
        self._inner.end()
        for path in sorted(self._root.rglob("*")):
            if path.is_file() or not any(path.iterdir()):
                self._ship(path)
        for path in list(self._root.iterdir()):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()

    def _ship(self, path: Path) -> None:
        self._archive.put(path, str(path.relative_to(self._root)))


async def export_file(
    office: Office, address: str, path: Path, form: Format, progress: Callable[[Progress], None]
) -> Done:
    """Write it; ``path`` is whole when it is there. Raises NotFound, Refused, OSError."""
    root, part = path.with_name("staging"), path.with_name(path.name + ".part")
    await asyncio.to_thread(root.mkdir, 0o700)
    archive: Archive = await asyncio.to_thread(Zip if form == "mbox" else Tar, part)

    def finish(found: Manifest) -> None:
        manifest.write(root, found)
        archive.put(root / manifest.NAME, manifest.NAME)
        archive.close()
        part.rename(path)

    try:
        writer = Shipper(export.writer(root, form), root, archive)
        return await export.fill(office, address, path, form, writer, finish, progress)
    finally:
        with contextlib.suppress(OSError, ValueError):
            await asyncio.to_thread(archive.close)
        await asyncio.to_thread(shutil.rmtree, root, ignore_errors=True)
        await asyncio.to_thread(part.unlink, missing_ok=True)


def _of_nobody(one: tarfile.TarInfo) -> tarfile.TarInfo:
    one.uid = one.gid = 0
    one.uname = one.gname = ""
    return one
