"""Mail in mbox files: one file a folder, messages one after the other.

A message begins with a line ``From `` that holds a time, at the beginning of the file or after
an empty line; in it ``>From `` at the beginning of a line loses one sign (mboxrd). Where a
Content-Length leads to such a line, or to the end, it counts (mboxcl); a message that holds lines
``From `` then is as it stands (mboxcl2). The time of arrival is that of the line ``From ``. Folders of a directory are its files; below
``Name.sbd`` (Thunderbird) and ``Name.mbox`` (Apple Mail) are those of ``Name``. RFC 4155.
"""

import io
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final, cast

from postroom.admin.moving import folder_names, manifest, mbox_fields
from postroom.admin.moving.mbox_fields import Kept
from postroom.admin.moving.source import Folder, Found, Items, LeftOut, moment
from postroom.errors import Refused
from postroom.message import dates, headers
from postroom.store.names import INBOX

MAX_LINE: Final = 64 * 1024  # octets; longer lines are read in pieces
_IN_MEMORY: Final = 1 << 20  # octets of a message; what is larger goes through a file
_MAX_DEPTH: Final = 50
_FROM: Final = re.compile(rb"From [^\n]*\d\d:\d\d[^\n]*\d{4}|From [^\n]*\d{4}[^\n]*\d\d:\d\d")
_BARE: Final = b"\nFrom "
_BLOCK: Final = 64 * 1024
_LENGTH: Final = re.compile(
    rb"^content-length:[ \t]*([0-9]{1,15})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE
)
_EMPTY: Final = (b"\n", b"\r\n")
_QUOTED: Final = re.compile(rb">+From ")
_INBOXES: Final = {"inbox", "mbox", "mail", ""}


class MboxSource:
    """The mbox at ``path``, or those in that folder."""

    def __init__(self, path: Path) -> None:
        """Raises Refused when there is none, OSError."""
        self._path = path
        if path.is_dir():
            places = dict(self._find())
            known = manifest.read(path)
        else:
            places, known = {"": _named(path.name) if _is_mbox(path) else ""}, {}
        if not any(places.values()):
            raise Refused(f"{path} is no mbox: none begins with a line 'From ' and a time")
        uses = folder_names.uses(places.values())
        self.folders = [
            Folder(one.name, place, one.special_use, one.subscribed)
            if (one := known.get(place))
            else Folder(name, place, uses.get(name, ""))
            for place, name in sorted(places.items(), key=lambda pair: pair[1])
        ]
        self.total = sum((self._path / place).stat().st_size for place in places)

    def messages(self, folder: Folder) -> Items:
        """The messages of a folder."""
        path = self._path / folder.place
        try:
            with path.open("rb") as stream:
                yield from _Reader(path, stream).messages()
        except OSError as error:
            yield LeftOut(str(path), error.strerror or str(error))

    def _find(self) -> Iterator[tuple[str, str]]:
        """(place, name) of each mbox."""
        waiting: list[tuple[Path, tuple[str, ...]]] = [(self._path, ())]
        while waiting:
            path, levels = waiting.pop()
            for one in sorted(path.iterdir()):
                if one.is_symlink() or one.name.startswith("."):
                    continue
                if one.is_dir():
                    if len(levels) < _MAX_DEPTH:
                        name = one.name.removesuffix(".sbd").removesuffix(".mbox")
                        waiting.append((one, (*levels, _printable(name))))
                elif one.is_file() and _is_mbox(one):
                    is_apples = one.name == "mbox" and path.name.endswith(".mbox")
                    name = "/".join(levels if is_apples else (*levels, _named(one.name)))
                    yield str(one.relative_to(self._path)), name


def is_mbox(path: Path) -> bool:
    """Whether a file is an mbox; an empty one called so is, too."""
    return _is_mbox(path)


def _is_mbox(path: Path) -> bool:
    with path.open("rb") as stream:
        begin = stream.readline(MAX_LINE)
    return bool(_FROM.match(begin)) or (not begin and path.suffix == ".mbox")


def _named(file: str) -> str:
    name = _printable(file.removesuffix(".mbox"))
    return INBOX if name.lower() in _INBOXES else name


def _printable(name: str) -> str:
    return os.fsencode(name).decode("utf-8", "replace")


class _Reader:
    """Cuts one file into messages. At most one is held, in memory or in a file."""

    def __init__(self, path: Path, stream: IO[bytes]) -> None:
        self._path = path
        self._stream = stream
        self._at = 0  # octets read
        self._begin = 0  # where the message begins
        self._from = b""
        self._held: IO[bytes] = io.BytesIO()
        self._empty = b""  # an empty line that may belong to the next line From
        self._head: list[bytes] | None = None  # of the message, as far as it has come

    def messages(self) -> Iterator[Found | LeftOut]:
        at_start, is_continued = True, False
        while line := self._stream.readline(MAX_LINE):
            if at_start and not is_continued and _FROM.match(line):
                yield from self._end()
                self._begin, self._from = self._at, line
                self._held = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115
                self._empty = b""
                self._head = []
                at_start = False
            else:
                if not is_continued and line.startswith(b">") and _QUOTED.match(line):
                    line = line[1:]
                    self._at += 1
                at_start = not is_continued and line in _EMPTY
                self._held.write(self._empty)
                self._empty = line if at_start else b""
                if not at_start:
                    self._held.write(line)
                    self._note(line)
            self._at += len(line)
            is_continued = not line.endswith(b"\n")
            if at_start and self._head is not None:
                head, self._head = b"".join(self._head), None
                self._take_body(head)
        yield from self._end()

    def _note(self, line: bytes) -> None:
        """Remember the header block until it ends."""
        if self._head is not None:
            self._head.append(line)
            if self._held.tell() > mbox_fields.MAX_HEAD:
                self._head = None

    def _take_body(self, head: bytes) -> None:
        """Take all of the body whose length the header block tells, if it tells the truth."""
        lengths = set(_LENGTH.findall(head))
        if len(lengths) != 1 or head.startswith(mbox_fields.OWN):
            return
        at, length = self._stream.tell(), int(lengths.pop())
        is_true = self._ends_at(at + length)
        self._stream.seek(at)
        if not is_true:
            return
        is_bare = self._has_bare(length)
        self._stream.seek(at)
        self._held.write(self._empty)
        self._empty, left, is_continued = b"", length, False
        while left:
            line = self._stream.readline(min(left, MAX_LINE))
            left -= len(line)
            is_quoted = not is_bare and not is_continued and _QUOTED.match(line)
            self._held.write(line[1:] if is_quoted else line)
            is_continued = not line.endswith(b"\n")
        if is_continued:  # the length does not count the end of its last line
            self._held.write(line := self._stream.readline(2))
            length += len(line)
        self._at += length

    def _ends_at(self, place: int) -> bool:
        """Whether a line From stands there, perhaps below empty lines, or the file ends."""
        if place > self._stream.seek(0, os.SEEK_END):
            return False
        self._stream.seek(place - 1)
        empty = 0 if self._stream.read(1) == b"\n" else -1
        while (line := self._stream.readline(MAX_LINE)) in _EMPTY and empty < 2:
            empty += 1
        return not line or (empty >= 0 and _FROM.match(line) is not None)

    def _has_bare(self, length: int) -> bool:
        """Whether one of so many octets begins a line From."""
        before = b"\n"
        while length and (block := self._stream.read(min(length, _BLOCK))):
            if _BARE in before + block:
                return True
            length -= len(block)
            before = (before + block)[1 - len(_BARE) :]
        return False

    def _end(self) -> Iterator[Found | LeftOut]:
        """What was read since the last line From is complete."""
        if not self._from:
            return
        held, origin = self._held, f"{self._path} at octet {self._begin}"
        size = held.tell()
        held.seek(0)
        head = held.read(mbox_fields.MAX_HEAD)
        is_dos = b"\r\n" in head
        kept, rest = mbox_fields.taken(head.replace(b"\r\n", b"\n") if is_dos else head)
        weight = self._at - self._begin
        if kept.is_internal:
            held.close()
            yield LeftOut(
                origin, "it is no message but a note of the program that wrote it", weight
            )
            return
        cut = _end_size(held) if kept.open else 0
        yield Found(
            origin=origin,
            content=lambda: cast("IO[bytes]", _Rest(held, len(head), rest, cut)),
            size=size,
            received=self._received(kept, rest),
            flags=kept.flags,
            keywords=kept.keywords,
            weight=weight,
        )

    def _received(self, kept: Kept, head: bytes) -> int:
        if kept.received is not None:
            return moment(kept.received)
        # "From sender Thu Nov 26 02:36:09 2026"; a sender may hold blanks, so from the end
        words = self._from.split()
        for count in (5, 6, 7):
            found = dates.read(b" ".join(words[-count:]))
            if found is not None:
                return moment(found.ms)
        fields = headers.collect(head, frozenset({b"date"}))
        for value in fields.get(b"date", ()):
            found = dates.read(value)
            if found is not None:
                return moment(found.ms)
        return moment(self._path.stat().st_mtime_ns // 1_000_000)


class _Rest(io.RawIOBase):
    """A message: its header block as it is to be, then what is held behind ``skipped`` octets.

    The last ``cut`` octets are left out.
    """

    def __init__(self, held: IO[bytes], skipped: int, begin: bytes, cut: int) -> None:
        self._held = held
        self._begin = begin
        self._left = len(begin) + held.seek(0, os.SEEK_END) - skipped - cut
        held.seek(skipped)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        """The next octets."""
        size = self._left if size < 0 else min(size, self._left)
        octets = self._begin[:size] or self._held.read(size)
        self._begin = self._begin[len(octets) :]
        self._left -= len(octets)
        return octets

    def close(self) -> None:
        """Drop what is held."""
        self._held.close()
        super().close()


def _end_size(held: IO[bytes]) -> int:
    """Octets of the line end at the very end."""
    held.seek(max(0, held.seek(0, os.SEEK_END) - 2))
    end = held.read()
    return 2 if end == b"\r\n" else int(end.endswith(b"\n"))
