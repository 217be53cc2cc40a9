"""Body files: ``data/blobs/ab/cd/<id>``, written once, never changed.

| file | row | meaning | who cleans up |
|---|---|---|---|
| tmp | no | being written, or its writer died | ``abort``; ``sweep`` after 24 h |
| final | no | its transaction failed or is running | ``sweep`` after 24 h, to quarantine |
| final | yes | a letter | ``collect`` 24 h after the last reference went |
| no | yes | lost: ``BlobCorrupt`` | the operator |

Order of ``publish``: file fsynced, folders made and their parents fsynced, renamed, folder
fsynced; only then may the row commit. The first letters of the id are the time: a new
folder comes every 4.7 hours. No link is followed anywhere below ``data/blobs``.
"""

import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from postroom.db.ids import to_text
from postroom.errors import StorageFailed, StorageFull

Step = Callable[[str], None]

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OLD: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_TEMPORARY: Final = "tmp"


def failure(error: OSError) -> StorageFailed | StorageFull:
    """What to raise for an error of the disk."""
    if error.errno in _FULL:
        return StorageFull(detail=str(error))
    return StorageFailed(detail=str(error))


class Files:
    """The file store below ``data/blobs``. ``step`` learns each step: tests crash there."""

    def __init__(self, data: Path, step: Step = lambda _name: None) -> None:
        self._data = data
        self._step = step
        self._synced: set[str] = set()  # folders whose own entry this process has fsynced

    def place(self, ident: int) -> str:
        """Where a body file ends up."""
        name = to_text(ident)
        return str(self._data / "blobs" / name[:2] / name[2:4] / name)

    def temporary(self, ident: int) -> str:
        """Where it is written."""
        return str(self._data / "blobs" / _TEMPORARY / to_text(ident))

    def create(self, ident: int) -> int:
        """A new temporary file, open for writing."""
        with self._folder(_TEMPORARY, make=True) as folder:
            fd = os.open(to_text(ident), _NEW, 0o600, dir_fd=folder)
        try:
            self._step("created")
        except BaseException:
            os.close(fd)
            self.remove_temporary(ident)
            raise
        return fd

    def publish(self, ident: int, fd: int) -> None:
        """Make a temporary file durable under its final name; ``fd`` is closed by the caller."""
        self._step("written")
        os.fsync(fd)
        self._step("synced")
        name = to_text(ident)
        with (
            self._folder(_TEMPORARY, make=True) as temporary,
            self._folder(f"{name[:2]}/{name[2:4]}", make=True) as final,
        ):
            _refuse_twice(name, final)
            os.rename(name, name, src_dir_fd=temporary, dst_dir_fd=final)
            self._step("renamed")
            os.fsync(final)
        self._step("published")

    def read(self, ident: int, offset: int, length: int) -> bytes:
        """Octets of a body file; fewer at its end."""
        name = to_text(ident)
        with self._folder(f"{name[:2]}/{name[2:4]}") as folder:
            fd = os.open(name, _OLD, dir_fd=folder)
        try:
            return _read(fd, offset, length)
        finally:
            os.close(fd)

    def read_temporary(self, ident: int, offset: int, length: int) -> bytes:
        """Octets of a temporary file."""
        with self._folder(_TEMPORARY) as folder:
            fd = os.open(to_text(ident), _OLD, dir_fd=folder)
        try:
            return _read(fd, offset, length)
        finally:
            os.close(fd)

    def remove(self, ident: int) -> None:
        """Remove a body file; it may be gone already."""
        name = to_text(ident)
        self._unlink(f"{name[:2]}/{name[2:4]}", name)

    def remove_temporary(self, ident: int) -> None:
        """Remove a temporary file; it may be gone already."""
        self._unlink(_TEMPORARY, to_text(ident))

    def _unlink(self, folder: str, name: str) -> None:
        with contextlib.suppress(FileNotFoundError), self._folder(folder) as fd:
            os.unlink(name, dir_fd=fd)

    @contextlib.contextmanager
    def _folder(self, path: str, *, make: bool = False) -> Iterator[int]:
        """A folder below ``data/blobs``, opened step by step without following links."""
        fd = os.open(self._data, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            walked = ""
            for part in ("blobs", *path.split("/")):
                walked += f"/{part}"
                if make:
                    self._make(part, fd, walked)
                below = os.open(part, _FOLDER, dir_fd=fd)
                os.close(fd)
                fd = below
            yield fd
        finally:
            os.close(fd)

    def _make(self, name: str, parent: int, walked: str) -> None:
        """Make a folder; its entry is fsynced once a process, whoever made it."""
        if walked in self._synced:
            return
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, 0o700, dir_fd=parent)
        os.fsync(parent)
        self._synced.add(walked)


def _refuse_twice(name: str, folder: int) -> None:
    """Ids never come twice; if one did, no letter may be written over."""
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), name)


def write_all(fd: int, octets: bytes) -> None:
    """All of it, however often the system takes only a part."""
    view = memoryview(octets)
    while view:
        view = view[os.write(fd, view) :]


def _read(fd: int, offset: int, length: int) -> bytes:
    pieces = []
    while length > 0 and (piece := os.pread(fd, length, offset)):
        pieces.append(piece)
        offset += len(piece)
        length -= len(piece)
    return b"".join(pieces)
