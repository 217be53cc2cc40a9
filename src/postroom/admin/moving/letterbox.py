"""Messages from files: one in a file, many in an mbox, many in a folder or a Maildir.

They are read one after the other, and of each only its beginning: enough to learn it. Line
ends become CRLF. In an mbox a message begins with a line ``From `` after an empty line
(RFC 4155), and ``>From `` at the beginning of a line loses its sign.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from postroom.errors import Refused

MOST: Final = 512 * 1024  # octets of one message that are read
MAX_LINE: Final = 64 * 1024  # octets; longer lines are read in pieces


def letters(path: Path) -> Iterator[bytes]:
    """The messages of a file or folder. Raises Refused without any such, OSError."""
    if path.is_dir():
        for file in _files(path):
            with file.open("rb") as stream:
                yield from read(stream)
    elif path.exists():
        with path.open("rb") as stream:
            yield from read(stream)
    else:
        raise Refused(f"there is no file {str(path)!r}; name a message, an mbox or a Maildir")


def read(stream: IO[bytes]) -> Iterator[bytes]:
    """The messages of an mbox, or the one message of anything else."""
    first = stream.readline(MAX_LINE)
    if first.startswith(b"From "):
        yield from _mbox(stream)
        return
    octets = first + stream.read(MOST - len(first))
    if octets.strip():
        yield _canonical(octets)


def _files(folder: Path) -> Iterator[Path]:
    """Those of a Maildir, else those that lie in the folder, in the order of their names."""
    found = [folder / name for name in ("cur", "new") if (folder / name).is_dir()]
    for place in found or [folder]:
        for file in sorted(place.iterdir()):
            if file.is_file() and not file.name.startswith("."):
                yield file


def _mbox(stream: IO[bytes]) -> Iterator[bytes]:
    lines: list[bytes] = []
    size = 0
    follows_empty = False
    while line := stream.readline(MAX_LINE):
        if follows_empty and line.startswith(b"From "):
            yield _canonical(b"".join(lines))
            lines, size = [], 0
            follows_empty = False
            continue
        follows_empty = line in {b"\n", b"\r\n"}
        if size < MOST:
            lines.append(line[1:] if line.startswith(b">From ") else line)
            size += len(line)
    if any(line.strip() for line in lines):
        yield _canonical(b"".join(lines))


def _canonical(octets: bytes) -> bytes:
    return octets.replace(b"\r\n", b"\n").replace(b"\r", b"").replace(b"\n", b"\r\n")
