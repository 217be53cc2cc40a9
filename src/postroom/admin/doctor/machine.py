"""The machine and the data folder: rights of files, room on the disk, ports, certificates.

Nothing here needs the database. With ``repair`` rights of files are set as they should be.
"""

import contextlib
import os
import shutil
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509

from postroom.admin.doctor.finding import Finding, mended
from postroom.config.model import Config
from postroom.db.folder import DATABASE, doubt
from postroom.db.locks import is_served
from postroom.errors import Refused
from postroom.net import port_owner

SOON: Final = timedelta(days=14)
REPLACE: Final = "put a new one in its place, then reload the server: systemctl reload postroom"
_PRIVATE: Final = ("secrets", "tls")


def permissions(config: Config, *, repair: bool) -> Iterator[Finding]:
    """Files that others may read, or that belong to somebody else."""
    data = config.folder
    if not data.exists():
        yield Finding(
            "permissions", "warning", str(data), "there is no data folder yet",
            "it is made by the first command: postroom setup",
        )  # fmt: skip
        return
    owner = data.stat().st_uid
    kept = [data, *(data.glob(f"{DATABASE}*")), data / "blobs", data / "quarantine"]
    for name in _PRIVATE:
        kept += [data / name, *(data / name).rglob("*")]
    for path in kept:
        with contextlib.suppress(FileNotFoundError):
            yield from _rights(path, owner, repair=repair)
    with contextlib.suppress(FileNotFoundError):
        try:
            reason = doubt(data.resolve())
        except Refused as error:
            yield Finding("permissions", "error", str(data), str(error), "move the data folder")
        else:
            if reason:
                yield Finding("permissions", "warning", str(data), reason, "use a local disk")


def _rights(path: Path, owner: int, *, repair: bool) -> Iterator[Finding]:
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode):
        return
    if found.st_uid != owner:
        yield Finding(
            "permissions", "error", str(path), "it belongs to another user than the data folder",
            f"chown {owner} {path}",
        )  # fmt: skip
        return
    if not found.st_mode & 0o077:
        return
    wanted = 0o700 if stat.S_ISDIR(found.st_mode) else 0o600
    finding = Finding(
        "permissions", "error", str(path),
        f"others may use it (mode {stat.S_IMODE(found.st_mode):o})", f"chmod {wanted:o} {path}",
    )  # fmt: skip
    if repair and os.geteuid() in {0, owner}:
        path.chmod(wanted)
        finding = mended(finding)
    yield finding


def disk(config: Config) -> Iterator[Finding]:
    """Room, and whether new messages are refused for want of it."""
    folder = next(one for one in (config.folder, *config.folder.parents) if one.exists())
    room = shutil.disk_usage(folder)
    reserve = config.limits.disk_reserve
    seen = f"{room.free >> 20} MiB of {room.total >> 20} are free"
    action = "make room: postroom undelete purge, or a larger disk"
    if room.free < reserve:
        reason = f"{seen}; below {reserve >> 20} MiB new messages are put off"
        yield Finding("disk", "error", str(folder), reason, action)
    elif room.free < 2 * reserve:
        yield Finding("disk", "warning", str(folder), seen, action)
    inodes = os.statvfs(folder)
    if inodes.f_files and inodes.f_favail < inodes.f_files // 100:
        reason = f"{inodes.f_favail} of {inodes.f_files} inodes are free"
        yield Finding("disk", "warning", str(folder), reason, "remove files, or a larger disk")


def ports(config: Config) -> Iterator[Finding]:
    """Whether the server runs and listens, or somebody else is in its place."""
    runs = is_served(config.folder)
    if not runs:
        yield Finding(
            "ports", "warning", "server", "it does not run",
            "start it: systemctl start postroom, or postroom serve",
        )  # fmt: skip
    for listen in config.listen:
        owner = port_owner.owner(listen.port)
        subject = f"{listen.protocol} {listen.address}:{listen.port}"
        if runs and owner is None:
            yield Finding(
                "ports", "error", subject, "the server runs, and nobody listens there",
                "restart it, and see its log",
            )  # fmt: skip
        elif not runs and owner is not None:
            yield Finding(
                "ports", "error", subject, f"taken by {owner}",
                "stop that, or give [[listen]] another port",
            )  # fmt: skip


def certificates(config: Config, now: datetime) -> Iterator[Finding]:
    """The one that the server has signed itself, where none is given: not about to expire."""
    path = config.folder / "tls" / "self-signed.pem"
    if config.tls.certificate is not None or not path.exists():
        return
    try:
        found = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        yield Finding(
            "certificates", "error", str(path), f"can't be read: {error}",
            "remove it; the server makes another when it starts",
        )  # fmt: skip
        return
    yield from expiring(str(path), found.not_valid_after_utc, now)


def expiring(subject: str, expires: datetime, now: datetime) -> Iterator[Finding]:
    """A certificate that has expired or will soon."""
    if expires <= now:
        yield Finding("certificates", "error", subject, f"expired {expires:%Y-%m-%d}", REPLACE)
    elif expires - now < SOON:
        yield Finding("certificates", "warning", subject, f"expires {expires:%Y-%m-%d}", REPLACE)


def moment(ms: int) -> datetime:
    """A time in UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC)
