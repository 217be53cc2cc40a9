"""Where lines go: a terminal or the journal, and a file with a cap on its size.

An output never raises: a full disk must not stop the mail. What it could not write is
counted in ``failed``.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final, Literal, Protocol

from postroom.telemetry.event import Event
from postroom.telemetry.lines import json_line, text_line

Form = Literal["json", "text"]
FILE_MODE: Final = 0o600


class Output(Protocol):
    """A place for lines."""

    failed: int

    def format(self, event: Event, now_ms: int) -> bytes:
        """The event as one line."""

    def open(self) -> None:
        """Get ready to write: later there may be too many open files."""

    def write(self, octets: bytes) -> None:
        """Write whole lines."""

    def close(self) -> None:
        """Write no more."""


class StreamOutput:
    """An open binary stream such as ``sys.stderr.buffer``; it is not closed."""

    def __init__(self, stream: IO[bytes], form: Form) -> None:
        self._stream = stream
        self._form = form
        self.failed = 0

    def format(self, event: Event, now_ms: int) -> bytes:
        return text_line(event, now_ms) if self._form == "text" else json_line(event, now_ms)

    def open(self) -> None:
        """It is."""

    def write(self, octets: bytes) -> None:
        try:
            self._stream.write(octets)
            self._stream.flush()
        except (OSError, ValueError):  # a closed terminal
            self.failed += 1

    def close(self) -> None:
        """Leave the stream to whom it belongs."""


class FileOutput:
    """``path``, then ``path.1`` .. ``path.N``: at most (N + 1) x size on the disk.

    Several processes may share the file: each write is one append, and whoever finds it
    full turns it over; the others notice by its inode and open the new one.
    """

    def __init__(self, path: Path, *, size: int, keep: int) -> None:
        self._path = path
        self._size = size
        self._keep = keep
        self._file: int | None = None
        self._is_torn = False
        self.failed = 0

    def format(self, event: Event, now_ms: int) -> bytes:
        return json_line(event, now_ms)

    def open(self) -> None:
        with contextlib.suppress(OSError):  # ``write`` tries again, and counts it
            self._current()

    def write(self, octets: bytes) -> None:
        """Append; after a line that a full disk has cut, on a line of its own."""
        whole = b"\n" + octets if self._is_torn else octets
        try:
            written = os.write(self._current(), whole)
        except OSError:
            self.failed += 1
            return
        self._is_torn = written != len(whole)
        self.failed += self._is_torn

    def close(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                os.close(self._file)
            self._file = None

    def _current(self) -> int:
        """The open file, turned over when it is full, opened again when it was moved."""
        if self._file is not None:
            ours = os.fstat(self._file)
            if not self._is_at_path(ours):
                self.close()
            elif ours.st_size >= self._size:
                self._turn_over()
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            self._file = os.open(self._path, flags, FILE_MODE)
        return self._file

    def _is_at_path(self, ours: os.stat_result) -> bool:
        try:
            return os.path.samestat(ours, self._path.stat())
        except FileNotFoundError:
            return False

    def _turn_over(self) -> None:
        self.close()
        for number in range(self._keep - 1, 0, -1):
            with contextlib.suppress(FileNotFoundError):
                _numbered(self._path, number).replace(_numbered(self._path, number + 1))
        if self._keep:
            self._path.replace(_numbered(self._path, 1))
        else:
            self._path.unlink()


def files(path: Path) -> Iterator[Path]:
    """The files of a log that are there, the oldest first."""
    numbers = sorted(
        (
            int(found.name.rpartition(".")[2])
            for found in path.parent.glob(f"{path.name}.*")
            if found.name.rpartition(".")[2].isdigit()
        ),
        reverse=True,
    )
    yield from (_numbered(path, number) for number in numbers)
    if path.exists():
        yield path


def _numbered(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")
