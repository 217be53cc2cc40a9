"""The folder of a backup: what is in it, and the list of digests.

```
postroom-backup.json     which state counts, when and by which program it was taken
postroom-verified.json   what came of reading it all again, the last time
state-20261126T023609Z/  postroom.sqlite or postgres/, secrets/, tls/, postroom.toml, digests.sha256
blobs/ab/cd/<id>         bodies of messages, the same for every state
```

Writing ``postroom-backup.json`` is what makes a backup count: whatever breaks off before leaves
the one before it whole. ``digests.sha256`` lists every file that belongs to it, sorted, as
``sha256sum -c`` reads it from the folder.
"""

import hashlib
import os
import re
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from postroom.db.database import Engine
from postroom.db.folder import sync
from postroom.errors import Refused

MANIFEST: Final = "postroom-backup.json"
VERIFIED: Final = "postroom-verified.json"
LOCK: Final = "postroom-backup.lock"
DIGESTS: Final = "digests.sha256"
POSTGRES: Final = "postgres"  # the folder of ``db.dump``
BLOBS: Final = "blobs"
BLOCK: Final = 1 << 20
VERSION: Final = 1

_STATE: Final = re.compile(r"state-\d{8}T\d{6}Z(?:-\d+)?")
_LINE: Final = re.compile(r"([0-9a-f]{64})  ([^\n\\]+)\n?")


Lines = Generator[tuple[str, str], None, None]


class Manifest(msgspec.Struct, frozen=True):
    """Which state counts. ``created`` in ms; ``octets`` of all files; ``digest`` of the list."""

    state: str
    created: int
    hostname: str
    program: str
    schema: int
    files: int
    octets: int
    digest: str
    version: int = VERSION
    engine: Engine = "sqlite"


def read(folder: Path) -> Manifest:
    """What the folder says of itself. Raises Refused when it holds no backup we can read."""
    path = folder / MANIFEST
    try:
        octets = path.read_bytes()
    except FileNotFoundError:
        raise Refused(f"{folder} holds no backup: there is no {MANIFEST} in it") from None
    try:
        found = msgspec.json.decode(octets, type=Manifest)
    except msgspec.DecodeError as error:
        raise Refused(f"{path} is damaged ({error}); take another backup") from None
    if found.version != VERSION:
        raise Refused(f"{path} was written by a newer Postroom ({found.program}); use that one")
    if not is_state(found.state):
        raise Refused(f"{path} names a state that can't be: take another backup")
    return found


def write(folder: Path, manifest: Manifest) -> None:
    """Make a state count, durably."""
    part = folder / f"{MANIFEST}.part"
    with part.open("wb") as stream:
        stream.write(msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n")
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(folder / MANIFEST)
    sync(folder)


def sync_names(folders: Iterable[Path], root: Path) -> None:
    """Make the names durable in these folders below ``root``, and in all that lead to them."""
    above = {one for folder in folders for one in (folder, *folder.parents)}
    for one in {root} | {one for one in above if one.is_relative_to(root)}:
        sync(one)


def is_state(name: str) -> bool:
    """Whether a folder of this name holds a state."""
    return bool(_STATE.fullmatch(name))


def digests(folder: Path, manifest: Manifest) -> Lines:
    """(path, SHA-256) of every file, sorted by path. Raises Refused for a list that is damaged."""
    path = folder / manifest.state / DIGESTS
    try:
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                match = _LINE.fullmatch(line)
                if match is None or not _is_inside(match[2]):
                    raise Refused(f"{path} is damaged; take another backup")
                yield match[2], match[1]
    except (FileNotFoundError, UnicodeDecodeError):
        raise Refused(f"{path} is missing or damaged; take another backup") from None


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    sha = hashlib.sha256()
    with path.open("rb", buffering=0) as stream:
        while block := stream.read(BLOCK):
            sha.update(block)
    return sha.hexdigest()


def bodies(folder: Path) -> Iterator[str]:
    """Paths of the body files below a data folder or backup, sorted; those being written not."""
    root = folder / BLOBS
    for first in _names(root):
        if len(first) != 2:
            continue
        for second in _names(root / first):
            for name in _names(root / first / second):
                yield f"{BLOBS}/{first}/{second}/{name}"


def create(path: Path) -> int:
    """Open a new file for writing that only its owner can read."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)


def _names(folder: Path) -> list[str]:
    try:
        return sorted(one for one in os.listdir(folder) if not one.endswith(".part"))  # noqa: PTH208
    except (FileNotFoundError, NotADirectoryError):
        return []


def _is_inside(path: str) -> bool:
    """Also what is left of the path when its first folders are taken away: "a//etc" would be /etc."""
    return not {"", ".", ".."}.intersection(path.split("/"))
