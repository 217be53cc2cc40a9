"""The data folder: private, on a local disk, owned by who runs the program.

``prepare`` makes it (0700) or checks it. A program started as root on somebody's folder
becomes that somebody before it makes a file there, so that the server can still use it.
Network file systems are refused: their locks and fsync can't carry promise 1 of the design.
"""

import os
import pwd
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from postroom.errors import Refused

DATABASE: Final = "postroom.sqlite"

_MOUNTS: Final = Path("/proc/self/mountinfo")
_NETWORK: Final = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "ceph", "lustre", "gfs2", "ocfs2"}
    | {"fuse.sshfs", "fuse.glusterfs", "fuse.s3fs", "fuse.rclone", "fuse.gcsfuse", "fuse.davfs2"}
)
# 9p carries Windows drives in WSL (refused by its options below), but also the root of
# some sandboxes, where it behaves.
_DOUBTFUL: Final = {
    "tmpfs": "it is lost when the machine stops",
    "ramfs": "it is lost when the machine stops",
    "9p": "its fsync may promise more than it keeps",
    "fuse": "its fsync may promise more than it keeps",
    "vboxsf": "its fsync may promise more than it keeps",
}


def prepare(data: Path, warn: Callable[[str], None]) -> Path:
    """Make or check the data folder; its real path. Raises ``Refused``."""
    _check_link(data)
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        real = data.resolve(strict=True)
        found = real.stat()
    except FileExistsError:
        raise Refused(f"{data} is a file: the data folder must be a folder") from None
    except OSError as error:
        raise Refused(
            f"{data}: the data folder can't be used: {error.strerror}; name another as data in the "
            "settings (setup: --data)"
        ) from error
    _own(real, found)
    _close_to_others(real, found)
    if reason := doubt(real):
        warn(reason)
    return real


def _check_link(data: Path) -> None:
    """A link somebody else made could lead our mail anywhere."""
    try:
        link = data.lstat()
    except OSError:
        return
    if stat.S_ISLNK(link.st_mode) and link.st_uid not in {0, os.geteuid(), _owner(data)}:
        raise Refused(f"{data} is a symbolic link of another user: name the folder itself")


def _owner(path: Path) -> int:
    try:
        return path.stat().st_uid
    except OSError:
        return -1


def _own(data: Path, found: os.stat_result) -> None:
    if found.st_uid == os.geteuid():
        return
    if os.geteuid() != 0:
        raise Refused(
            f"{data} belongs to {_user(found.st_uid)}: run this command as that user or as root"
        )
    become(found.st_uid, found.st_gid)


def become(uid: int, gid: int) -> None:
    """Give up root for good."""
    try:
        os.initgroups(pwd.getpwuid(uid).pw_name, gid)
    except KeyError:
        os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _close_to_others(data: Path, found: os.stat_result) -> None:
    """Take group's and others' rights away, unless this may not be our folder at all."""
    if not found.st_mode & 0o077:
        return
    with os.scandir(data) as entries:
        names = {entry.name for entry in entries}
    if names and not names & {DATABASE, "secrets", "blobs", "postroom.toml"}:
        raise Refused(f"{data} holds other things than Postroom's data: name an empty folder")
    data.chmod(0o700)


def sync(path: Path) -> None:
    """Make the names in a folder durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def doubt(data: Path, mounts: Path = _MOUNTS) -> str | None:
    """Why mail may not be safe there, or None. Raises ``Refused`` for network file systems."""
    kind, options = filesystem(data, mounts)
    if kind in _NETWORK or (kind == "9p" and "aname=drvfs" in options):
        raise Refused(
            f"{data} is on a network file system ({kind}): mail would not be safe there,"
            " use a local disk"
        )
    if kind in _DOUBTFUL:
        return f"{data} is on {kind}: {_DOUBTFUL[kind]}"
    return None


def filesystem(path: Path, mounts: Path = _MOUNTS) -> tuple[str, str]:
    """The type and options of the file system that holds ``path``; "" where it isn't told."""
    best, answer = -1, ("", "")
    for mount, kind, options in _read_mounts(mounts):
        if path.is_relative_to(mount) and len(mount) >= best:
            best, answer = len(mount), (kind, options)
    return answer


def _read_mounts(mounts: Path) -> Iterator[tuple[str, str, str]]:
    """Mount point, type, options; see proc(5), mountinfo."""
    try:
        lines = mounts.read_bytes().decode("utf-8", "surrogateescape").splitlines()
    except OSError:
        return
    for line in lines:
        before, _, after = line.partition(" - ")
        fields, kind = before.split(" "), after.split(" ")
        if len(fields) > 4 and len(kind) > 2:
            yield _unescape(fields[4]), kind[0], kind[2]


def _unescape(text: str) -> str:
    for code in (" ", "\t", "\n", "\\"):
        text = text.replace(f"\\{ord(code):03o}", code)
    return text
