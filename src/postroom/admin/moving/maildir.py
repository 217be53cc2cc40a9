"""Mail in a Maildir: messages are files, folders are folders.

Folders are those of Maildir++ (``.Work.Plans``) or of the file system (``Work/Plans``). Flags
stand in file names, keywords as letters that ``dovecot-keywords`` explains, the time of
arrival is that of the file, and the order is that of ``dovecot-uidlist``, else of the names.
Files that are compressed (gzip, Zstandard) are read as what they hold. Links are not followed:
a person's Maildir must not lead to files of others.
"""

import gzip
import os
import stat
from collections.abc import Container, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO, Final, cast

import zstandard

from postroom.admin.moving import folder_names, manifest
from postroom.admin.moving.source import (
    FLAG_LETTERS,
    Folder,
    Found,
    Items,
    LeftOut,
    keywords,
    moment,
)
from postroom.errors import Refused
from postroom.protocol.imap.names import BadName, decode_name
from postroom.store.names import INBOX

KEYWORDS: Final = "dovecot-keywords"
UIDLIST: Final = "dovecot-uidlist"
FURTHER_KEYWORDS: Final = "postroom-keywords"  # of messages that have more than letters can say
FORWARDED: Final = "$Forwarded"

_PARTS: Final = ("cur", "new")
_HIDDEN: Final = {"cur", "new", "tmp"}
_MAX_LINE: Final = 64 * 1024  # octets of a line of a list; longer ones are read in pieces
_MAX_DEPTH: Final = 50
_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"


def is_maildir(path: Path) -> bool:
    """Whether a folder is a Maildir, or holds some."""
    if any((path / part).is_dir() for part in _PARTS):
        return True
    return any((one / "cur").is_dir() for one in path.iterdir() if not one.is_symlink())


class MaildirSource:
    """The Maildir at ``path`` with the folders in it."""

    def __init__(self, path: Path) -> None:
        """Raises Refused when there is none, OSError."""
        self._path = path
        places = dict(self._find())
        if not places:
            raise Refused(f"{path} is no Maildir: there is no folder cur in it")
        known = manifest.read(path)
        uses = folder_names.uses(places.values())
        self.folders = [
            Folder(one.name, place, one.special_use, one.subscribed)
            if (one := known.get(place))
            else Folder(name, place, uses.get(name, ""))
            for place, name in sorted(places.items(), key=lambda pair: pair[1])
        ]
        self.total = sum(
            1 for place in places for part in _PARTS for _ in _names(path / place / part)
        )

    def messages(self, folder: Folder) -> Items:
        """The messages of a folder."""
        root = self._path / folder.place
        files = [(part, name) for part in _PARTS for name in _names(root / part)]
        bases = {_base(name) for _, name in files}
        order = _uids(root / UIDLIST, bases)
        files.sort(key=lambda file: (order.get(_base(file[1]), 1 << 62), file[1]))
        letters, further = _letters(root / KEYWORDS), _further(root / FURTHER_KEYWORDS, bases)
        for part, name in files:
            yield _message(root / part / name, letters, further)

    def _find(self) -> Iterator[tuple[str, str]]:
        """(place, name) of each folder."""
        waiting: list[tuple[Path, tuple[str, ...]]] = [(self._path, ())]
        while waiting:
            path, levels = waiting.pop()
            if any((path / part).is_dir() for part in _PARTS):
                yield str(path.relative_to(self._path)), "/".join(levels) or INBOX
            if len(levels) >= _MAX_DEPTH:
                continue
            for one in sorted(path.iterdir()):
                if one.is_symlink() or not one.is_dir() or one.name in _HIDDEN:
                    continue
                if not one.name.startswith("."):
                    waiting.append((one, (*levels, _decoded(one.name))))
                elif path == self._path and one.name != ".":
                    waiting.append((one, tuple(map(_decoded, _split(one.name[1:])))))


def _split(name: str) -> list[str]:
    """The levels of a Maildir++ name; a dot in a level is written in base64."""
    return [level for level in name.split(".") if level]


def _decoded(level: str) -> str:
    octets = os.fsencode(level).replace(b"&AC4-", b".").replace(b"&AC8-", b"_")
    try:
        name = decode_name(octets)
    except BadName:
        name = octets.decode("utf-8", "replace")
    return name.replace("/", "_")


def _names(folder: Path) -> Iterator[str]:
    """Names of messages, in no order."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not entry.name.startswith("."):
                    yield entry.name
    except (FileNotFoundError, NotADirectoryError):
        return


def _base(name: str) -> str:
    return name.partition(":")[0]


def _uids(path: Path, bases: Container[str]) -> dict[str, int]:
    """UIDs by the first part of the file's name, from a ``dovecot-uidlist`` of version 1 or 3.

    Of files that are there: a list may be longer than any folder.
    """
    found: dict[str, int] = {}
    for line in islice(_lines(path), 1, None):
        uid, _, rest = line.partition(" ")
        name = rest.rpartition(" :")[2].removeprefix(":") if ":" in rest else rest
        if uid.isascii() and uid.isdecimal() and len(uid) < 11 and _base(name) in bases:
            found[_base(name)] = int(uid)
    return found


def _letters(path: Path) -> dict[str, str]:
    """The keyword that each letter a..z means here: lines of a number and a keyword."""
    found: dict[str, str] = {}
    for line in _lines(path):
        number, _, keyword = line.partition(" ")
        is_number = number.isascii() and number.isdecimal() and len(number) < 3
        if is_number and int(number) < 26 and keyword:
            found[chr(ord("a") + int(number))] = keyword
    return found


def _further(path: Path, bases: Container[str]) -> dict[str, str]:
    parts = (line.partition("\t") for line in _lines(path))
    return {name: words for name, _, words in parts if name in bases}


def _lines(path: Path) -> Iterator[str]:
    if path.is_symlink() or not path.is_file():
        return
    with path.open("rb") as stream:
        while line := stream.readline(_MAX_LINE):
            yield line.decode("utf-8", "surrogateescape").rstrip("\r\n")


def _message(path: Path, letters: dict[str, str], further: dict[str, str]) -> Found | LeftOut:
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            return LeftOut(str(path), "it is no regular file", 1)
        with path.open("rb") as stream:
            begin = stream.read(4)
    except OSError as error:
        return LeftOut(str(path), error.strerror or str(error), 1)
    base, _, info = path.name.partition(":2,")
    flags, words = 0, []
    for letter in info:
        flags |= FLAG_LETTERS.get(letter, 0)
        if letter in letters:
            words.append(letters[letter])
        elif letter == "P":
            words.append(FORWARDED)
    return Found(
        origin=str(path),
        content=partial(_open, path, begin),
        size=status.st_size,
        received=moment(status.st_mtime_ns // 1_000_000),
        flags=flags,
        keywords=keywords(further.get(base, "").split() or words),
    )


def _open(path: Path, begin: bytes) -> IO[bytes]:
    if begin.startswith(_GZIP):
        return cast("IO[bytes]", gzip.open(path, "rb"))
    if begin == _ZSTD:
        return cast("IO[bytes]", zstandard.open(path, "rb"))
    return path.open("rb")
