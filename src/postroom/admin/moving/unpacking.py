"""An upload becomes mail on the disk: an mbox, or a zip or tar of mbox files or a Maildir.

Archives are written by strangers. Only plain files come out of them, below one folder, with names
that stay there; not more octets than are allowed, nor than an archive of mail can hold; and neither
the list of a zip nor the names of a tar may fill the memory. So might LZMA, whose window is as large
as the file says: it is not read. PKWARE APPNOTE 6.3 §4.3.16 (end of a zip), POSIX.1-2001 pax.
"""

import os
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from calendar import timegm
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, Final, Literal

import msgspec

from postroom.admin.moving import maildir, mbox
from postroom.admin.moving.maildir import MaildirSource
from postroom.admin.moving.mbox import MboxSource
from postroom.admin.moving.source import FileSource
from postroom.errors import Refused

TarMode = Literal["r|", "r|gz", "r|bz2"]

BLOCK: Final = 1 << 20
MOST_FILES: Final = 2_000_000
MAX_HEADER: Final = 64 * 1024  # octets of what a tar says of one file
MAX_LISTING: Final = 16 << 20  # octets of the list at the end of a zip
MAX_GROWTH: Final = 100  # times its own size is what comes out of an archive of mail, at the most
ALWAYS: Final = 64 << 20  # octets that may come out whatever its size is
_MAX_LEVELS: Final = 20
_MAX_NAME: Final = 250  # octets
_END: Final = b"PK\x05\x06"
_END_64: Final = b"PK\x06\x06"
_LOCATOR_64: Final = b"PK\x06\x07"
_TAIL: Final = 22 + 65_535
_TIMES: Final = 0x5455  # extra field: when the file was changed, in seconds
_METHODS: Final = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2}
_TARS: Final[Mapping[bytes, TarMode]] = {b"\x1f\x8b": "r|gz", b"BZh": "r|bz2"}


class Limits(msgspec.Struct, frozen=True):
    """``octets`` of all files; ``room`` raises Refused when so many find no room."""

    octets: int
    room: Callable[[int], None]


Progress = Callable[[int, int, str], None]


class _Header(tarfile.TarInfo):
    """The header of a file, without what needs memory by what it says of itself."""

    def _proc_member(self, archive: tarfile.TarFile) -> Any:  # the hook that tarfile offers
        if self.type in _LONG and self.size > MAX_HEADER:
            raise tarfile.ReadError("a name in it is too long")
        if self.type == tarfile.GNUTYPE_SPARSE:
            raise tarfile.ReadError("it holds files with holes")
        return super()._proc_member(archive)  # type: ignore[misc]


_LONG: Final = {
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
}


def unpack(path: Path, folder: Path, limits: Limits, progress: Progress) -> None:
    """Bring what is in ``path`` into ``folder``, made anew. Raises Refused, OSError.

    ``progress`` gets the octets of the archive that were read, and all of them.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    with path.open("rb") as stream:
        begin = stream.read(512)
    most = max(ALWAYS, MAX_GROWTH * path.stat().st_size)
    if most < limits.octets:
        limits = Limits(most, limits.room)
    writer = _Writer(folder, limits)
    if mbox.is_mbox(path):
        os.link(path, folder / path.name)
        return
    try:
        if begin.startswith(b"PK"):
            _unzip(path, writer, progress)
        elif mode := _tar_mode(begin):
            _untar(path, mode, writer, progress)
        else:
            raise Refused("it is no mbox, and no zip or tar of mbox files or of a Maildir")
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, RuntimeError, zlib.error) as error:
        raise Refused(f"the archive can't be read: {error}") from None
    if not writer.files:
        raise Refused("the archive is empty")


def _tar_mode(begin: bytes) -> TarMode | None:
    """How a tar that begins so is read; None for another file."""
    if begin[257:262] == b"ustar":
        return "r|"
    return next((mode for magic, mode in _TARS.items() if begin.startswith(magic)), None)


def source(folder: Path) -> FileSource:
    """The mail that was unpacked; a folder around all of it says nothing. Raises Refused."""
    inner = folder
    while not any((inner / part).is_dir() for part in ("cur", "new")):
        found = [one for one in inner.iterdir() if one.name != "__MACOSX"]
        if len(found) != 1 or not found[0].is_dir() or found[0].suffix in {".sbd", ".mbox"}:
            break
        inner = found[0]
    return MaildirSource(inner) if maildir.is_maildir(inner) else MboxSource(inner)


def _unzip(path: Path, writer: "_Writer", progress: Progress) -> None:
    with path.open("rb") as stream:
        if _listing(stream) > MAX_LISTING:
            raise Refused("the zip holds more files than can be listed: send a tar instead")
        total = 0
        with zipfile.ZipFile(stream) as archive:
            every = archive.infolist()
            for done, one in enumerate(every):
                kind = stat.S_IFMT(one.external_attr >> 16)
                if one.is_dir():
                    writer.make(one.filename)
                elif one.compress_type not in _METHODS:
                    raise zipfile.BadZipFile("it is compressed in an unusual way: use Deflate")
                elif kind in {0, stat.S_IFREG}:
                    with archive.open(one) as content:
                        writer.write(one.filename, content, _changed(one))
                if writer.octets >= total or done + 1 == len(every):
                    progress(done, len(every), "unpacking")
                    total = writer.octets + BLOCK


def _untar(path: Path, mode: TarMode, writer: "_Writer", progress: Progress) -> None:
    with (
        path.open("rb") as stream,
        tarfile.open(fileobj=stream, mode=mode, tarinfo=_Header, errorlevel=1) as archive,
    ):
        seen, total = 0, path.stat().st_size
        while (one := archive.next()) is not None:
            archive.members = []  # type: ignore[attr-defined]  # it would keep all of them
            if one.isdir():
                writer.make(one.name)
            elif one.isreg() and (content := archive.extractfile(one)) is not None:
                writer.write(one.name, content, float(one.mtime))
            if stream.tell() >= seen:
                progress(stream.tell(), total, "unpacking")
                seen = stream.tell() + BLOCK


def _listing(stream: IO[bytes]) -> int:
    """How many octets the list at the end of a zip has."""
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, size - _TAIL - 20))
    tail = stream.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < 22:
        raise zipfile.BadZipFile("its end is missing")
    (listing,) = struct.unpack_from("<L", tail, at + 12)
    if at >= 20 and tail.startswith(_LOCATOR_64, at - 20):
        (where,) = struct.unpack_from("<Q", tail, at - 20 + 8)
        stream.seek(min(where, size))
        record = stream.read(56)
        if len(record) < 56 or not record.startswith(_END_64):
            raise zipfile.BadZipFile("its end is damaged")
        (listing,) = struct.unpack_from("<Q", record, 40)
    stream.seek(0)
    return int(listing)


def _changed(one: zipfile.ZipInfo) -> float:
    """When a file of a zip was changed: to the second where it says so, else what MS-DOS keeps."""
    extra = one.extra
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<HH", extra)
        if kind == _TIMES and length >= 5 and extra[4:5] and extra[4] & 1 and len(extra) >= 9:
            return float(struct.unpack_from("<l", extra, 5)[0])
        extra = extra[4 + length :]
    return float(timegm((*one.date_time, 0, 0, 0)))


class _Writer:
    """Files below one folder."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        self._folder = folder
        self._limits = limits
        self._asked = 0
        self.files = 0
        self.octets = 0

    def make(self, name: str) -> None:
        """A folder, which a Maildir needs even when it is empty."""
        parts = _parts(name)
        if parts:
            self._count()
            self._in(parts)

    def write(self, name: str, stream: IO[bytes], changed: float) -> None:
        """A file; one whose name leads elsewhere is left out."""
        parts = _parts(name)
        if not parts or not self._in(parts[:-1]):
            return
        self._count()
        path = self._folder.joinpath(*parts)
        if path.is_dir():
            return
        with path.open("wb") as target:
            while block := stream.read(BLOCK):
                self._take(len(block))
                target.write(block)
        os.utime(path, (max(changed, 0), max(changed, 0)))

    def _in(self, parts: list[str]) -> bool:
        try:
            self._folder.joinpath(*parts).mkdir(mode=0o700, parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):  # a file is called so as well
            return False
        return True

    def _count(self) -> None:
        self.files += 1
        if self.files > MOST_FILES:
            raise Refused(f"the archive holds more than {MOST_FILES} files")

    def _take(self, octets: int) -> None:
        self.octets += octets
        if self.octets > self._limits.octets:
            raise Refused("unpacked it is larger than may be: send it in parts")
        if self.octets >= self._asked:
            self._limits.room(0)
            self._asked = self.octets + 16 * BLOCK


def _parts(name: str) -> list[str]:
    """The levels of a name; none for one that is not for us."""
    parts = [part for part in name.split("/") if part not in {"", "."}]
    is_odd = len(parts) > _MAX_LEVELS or any(
        part == ".." or "\0" in part or len(os.fsencode(part)) > _MAX_NAME for part in parts
    )
    return [] if is_odd else parts
